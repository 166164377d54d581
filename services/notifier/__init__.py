"""Tells customers and other systems: fans events out to endpoints, delivers them signed, relays them to RabbitMQ.

The only program that changes deliveries. Imports libs, never another service.
"""
