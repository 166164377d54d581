"""The only room above the services: puts programs together on one machine and gives them something to stand on.

`backing` finds or starts Postgres and RabbitMQ; `postgres` and `rabbitmq` run one private server each.
May import services and libs; nothing imports it but `bench` and the tests. It never touches a server it did not
start, beyond logging in to it, and never leaves one running.
"""
