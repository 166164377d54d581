"""`clipwire doctor`: looks at a deployment from the machine it runs on, and says what to do about what it finds.

    finding     what a look comes to
    settings    the programs' own judgement of their settings, and what the looks below need of them
    backing     Postgres, its schema, its secrets, the clocks; RabbitMQ
    tiktok      whether TikTok answers and knows the app
    outside     what TikTok and browsers see of us, and which programs answer
    disk        where media live
    examine     all of it, in order

It changes nothing. Unlike the other commands it does not go through the REST API: what it looks into may be why that
does not answer.
"""
