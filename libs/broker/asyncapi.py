"""What RabbitMQ carries, as an AsyncAPI 3 document: jobs in, events out, and where bad jobs end."""

from typing import Any

from libs.broker.topology import CLIPWIRE, DEAD_JOBS, JOBS, POST_REQUESTED
from libs.model.event_type import EventType
from libs.model.payload import json_schema
from libs.model.post_request import PostRequest
from libs.model.sample import example

JSON = "application/json"
REFS = "#/components/schemas/{model}"
PREFIX_NOTE = "A deployment may put a prefix before the names of exchanges and queues (RABBITMQ_PREFIX)."
JOB_EXAMPLE = {
    "customer_id": "cus_01jd49zz00a1b2c3d4e5f6g7h8",
    "account_id": "acc_01jd4a0000b2c3d4e5f6g7h8j9",
    "kind": "video",
    "media": ["https://cdn.example.com/clip.mp4"],
    "title": "Hello #clipwire",
    "privacy_level": "SELF_ONLY",
}


def asyncapi() -> dict[str, Any]:
    """The whole document, from the same values and schemas that the programs run on."""
    schemas: dict[str, Any] = {}
    messages = {str(type_): _event_message(type_, schemas) for type_ in EventType}
    jobs = {"job": _job(schemas), "answer": _answer(), "deadJob": _dead_job()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Clipwire on RabbitMQ",
            "version": "1.0.0",
            "description": f"Jobs in and events out, over AMQP 0-9-1. {PREFIX_NOTE}",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "channels": {
            "jobs": _exchange(POST_REQUESTED, "Posts to make.", ["job"]),
            **{f"event.{type_}": _exchange(f"event.{type_}", "At least once.", [str(type_)]) for type_ in EventType},
            "answers": {
                "address": None,
                "title": "The queue that a job named in reply_to",
                "messages": {"answer": {"$ref": "#/components/messages/answer"}},
            },
            "dead": {
                "address": DEAD_JOBS.name,
                "title": "Jobs that can never be accepted",
                "messages": {"deadJob": {"$ref": "#/components/messages/deadJob"}},
                "bindings": {"amqp": {"is": "queue", "queue": {"name": DEAD_JOBS.name, "durable": True}}},
            },
        },
        "operations": _operations(),
        "components": {"messages": jobs | messages, "schemas": schemas},
    }


def _operations() -> dict[str, Any]:
    return {
        "acceptJob": {
            "action": "receive",
            "channel": {"$ref": "#/channels/jobs"},
            "description": f"Kept in {JOBS.name}; acknowledged once stored. Key: idempotency_key, else message_id.",
            "reply": {"address": {"location": "$message.header#/replyTo"}, "channel": {"$ref": "#/channels/answers"}},
        },
        "setAside": {"action": "send", "channel": {"$ref": "#/channels/dead"}},
        **{
            f"tell.{type_}": {"action": "send", "channel": {"$ref": f"#/channels/event.{type_}"}} for type_ in EventType
        },
    }


def _exchange(key: str, description: str, messages: list[str]) -> dict[str, Any]:
    return {
        "address": key,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": CLIPWIRE.name, "type": str(CLIPWIRE.kind), "durable": True},
            }
        },
    }


def _message(title: str, payload: dict[str, Any], *examples: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "title": title,
        "contentType": JSON,
        "payload": {"schemaFormat": "application/schema+json;version=draft-2020-12", "schema": payload},
        "examples": [{"payload": payload} for payload in examples],
        **more,
    }


def _event_message(type_: EventType, schemas: dict[str, Any]) -> dict[str, Any]:
    title = f"{type_}: the body that webhooks have; message_id is the event's id"
    schema = json_schema(type_, refs=REFS)
    schemas |= schema.pop("$defs", {})
    return _message(title, schema, example(type_))


def _job(schemas: dict[str, Any]) -> dict[str, Any]:
    schema = PostRequest.model_json_schema(ref_template=REFS)
    schemas |= schema.pop("$defs", {})
    schema["properties"] = {"customer_id": {"type": "string", "pattern": "^cus_"}, **schema["properties"]}
    schema["required"] = ["customer_id", *schema["required"]]
    return _message("A post to make: the request of POST /v1/posts and whose it is", schema, JOB_EXAMPLE)


def _answer() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["accepted"],
        "properties": {
            "accepted": {"type": "boolean"},
            "post_id": {"type": "string"},
            "batch_id": {"type": "string"},
            "post_ids": {"type": "array", "items": {"type": "string"}},
            "problem": {"type": "object"},
        },
    }
    return _message("What became of a job, under its correlation_id", schema, {"accepted": True, "post_id": "post_…"})


def _dead_job() -> dict[str, Any]:
    headers = {
        "type": "object",
        "required": ["x-clipwire-reason"],
        "properties": {"x-clipwire-reason": {"type": "string"}},
    }
    return _message("A job's body as it came, whatever it was", {}, headers=headers)
