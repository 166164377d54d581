"""Imports: posts from a CSV file."""

from typing import Final

from libs.rest.imports import ImportAnswer, ImportRow
from services.api.doc.sample import ACCOUNT, POST, SOON
from services.api.doc.shape import Doc, Example, Upload

_MADE: Final = ImportAnswer(
    dry_run=False,
    total=1,
    made=1,
    exists=0,
    valid=0,
    refused=0,
    rows=(ImportRow(row=2, outcome="made", post_ids=(POST,)),),
)
SHEET: Final = (
    "account_id,kind,media,title,privacy_level,publish_at,metadata.order\n"
    f"{ACCOUNT},video,https://hooks.acme.example/boots.mp4,Our new boots,SELF_ONLY,{SOON},4711\n"
)
CREATE: Final = Doc(
    summary="Import posts from a CSV file",
    body=Upload(("text/csv",), form=False),
    answers={200: ImportAnswer},
    examples=(Example(200, _MADE, query={"dry_run": "false"}, file=SHEET),),
)
