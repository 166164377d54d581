"""The document as one page that stands alone: no script, and nothing of anybody else's."""

import html
import re
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import hdrs

from libs.model.problem import DOCS
from services.api.openapi.page_operation import anchor, shown
from services.api.openapi.prose import line, prose

HEADERS: Final = {
    hdrs.CACHE_CONTROL: "public, max-age=300",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_CODE: Final = re.compile(r"<li><code>([a-z_]+)</code>")
Document = dict[str, Any]
Place = tuple[str, str, dict[str, Any]]
"""Method, path, operation."""


def page(document: Document) -> bytes:
    """For a screen of any width, light or dark."""
    info = document["info"]
    title = f"{html.escape(info['title'])} API"
    menu = f"""<a class="top" href="#top">{title}</a>
{_menu(document)}<a href="#problems">Problems</a><a href="/docs/rules">TikTok's rules</a>"""
    main = f"""<h1>{html.escape(info["title"])} API <small>{html.escape(info["version"])}</small></h1>
{prose(info["description"])}
<p class="machine"><a href="/docs/rules">TikTok's rules</a>: media, limits, and what its codes mean. For machines:
 <a href="/v1/openapi.json">OpenAPI</a> · <a href="/v1/asyncapi.json">AsyncAPI</a> ·
<a href="/v1/event-types">event types</a></p>
<pre><code>export CLIPWIRE=https://your-clipwire.example
export CLIPWIRE_KEY=cw_…</code></pre>
{"".join(_section(tag, document) for tag in document["tags"])}
{_problems(document)}"""
    return shell(title, menu=menu, main=main)


def shell(title: str, *, menu: str, main: str) -> bytes:
    """A page of this look; all three are HTML already."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style></head>
<body>
<nav aria-label="Contents">{menu}</nav>
<main id="top">
{main}
</main></body></html>
""".encode()


def _of(tag: str, document: Document) -> Iterator[Place]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] == [tag] and method != "head":
                yield method, path, operation


def _menu(document: Document) -> str:
    return "".join(
        f"<details><summary>{html.escape(tag['name'])}</summary>"
        + "".join(
            f'<a href="#{anchor(operation)}"><i class="{method}">{method.upper()}</i>'
            f"{html.escape(operation['summary'])}</a>"
            for method, _, operation in _of(tag["name"], document)
        )
        + "</details>"
        for tag in document["tags"]
    )


def _section(tag: dict[str, str], document: Document) -> str:
    operations = "".join(shown(*place, document=document) for place in _of(tag["name"], document))
    return (
        f"<section><h2>{html.escape(tag['name'])}</h2><p>{line(tag.get('description', ''))}</p>{operations}</section>"
    )


def _problems(document: Document) -> str:
    """Every code, at the end, where the `type` of a problem leads: each is named as `libs.model.problem` has it."""
    name = DOCS.partition("#")[2]
    listed = prose(document["components"]["schemas"]["Code"]["description"])
    codes = _CODE.sub(rf'<li id="{name}\1"><code>\1</code>', listed)
    return f'<section id="problems"><h2>problems</h2>{codes}</section>'


STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c1d21;--dim:#63656e;--line:#e2e3e8;--back:#fff;--soft:#f5f5f7;--link:#0b57d0;
--get:#0b6e4f;--post:#0b57d0;--patch:#8a5a00;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e7e7ea;--dim:#a3a5ae;--line:#35363c;--back:#17181b;--soft:#212226;
--link:#8ab4f8;--get:#5bc69a;--post:#8ab4f8;--patch:#e0b050;--delete:#f2948c}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;color:var(--ink);background:var(--back);font:16px/1.55 system-ui,sans-serif;display:flex}
a{color:var(--link)}
nav{position:sticky;top:0;flex:none;width:19rem;height:100vh;overflow-y:auto;padding:1.25rem 1rem;
border-right:1px solid var(--line);background:var(--soft);font-size:.9rem}
nav a{display:flex;padding:.2rem .4rem;border-radius:5px;color:inherit;text-decoration:none}
nav a:hover{background:var(--line)}
nav .top{font-weight:700;font-size:1rem;margin-bottom:.6rem}
nav details>summary{cursor:pointer;padding:.3rem .4rem;font-weight:600;text-transform:capitalize}
nav i{flex:none;width:3.4rem;font:600 .68rem/2.1 ui-monospace,monospace}
main{min-width:0;flex:1;max-width:62rem;padding:1.5rem 2.5rem 6rem}
h1{margin:.2rem 0 1rem;font-size:1.9rem}
h1 small{font-size:.9rem;font-weight:400;color:var(--dim)}
h2{margin:3rem 0 .2rem;font-size:1.4rem;text-transform:capitalize}
h2+p{margin-top:0;color:var(--dim)}
h3{margin:1.2rem 0 .4rem;font-size:.95rem}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
p code,li code,td code,dd code{background:var(--soft);padding:.05em .3em;border-radius:4px}
pre{margin:.5rem 0;padding:.8rem 1rem;background:var(--soft);border:1px solid var(--line);border-radius:8px;
overflow-x:auto;max-height:32rem}
pre code{overflow-wrap:normal;white-space:pre}
.operation{border:1px solid var(--line);border-radius:10px;margin:.6rem 0;overflow:hidden}
.operation[open]{margin:1rem 0}
.operation>summary{cursor:pointer;list-style:none;display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline;
padding:.6rem .9rem}
.operation>summary::-webkit-details-marker{display:none}
.operation>summary:hover,.operation[open]>summary{background:var(--soft)}
.operation>summary b{font:700 .74rem ui-monospace,monospace;width:3.6rem}
.operation>summary code{font-weight:600}
.operation>summary span{color:var(--dim);margin-left:auto}
.get{color:var(--get)}.post{color:var(--post)}.patch,.put{color:var(--patch)}.delete{color:var(--delete)}
.inner{scroll-margin-top:4rem;padding:.2rem 1rem 1rem;border-top:1px solid var(--line)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
td{padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child{white-space:nowrap}
td.kind{color:var(--dim)}
em{color:var(--delete);font-style:normal;font-size:.8rem}
dl{margin:0}
dt{font-weight:600;margin-top:.5rem}
dd{margin:0}
dd ul{margin:.2rem 0;padding-left:1.1rem}
.example{margin:.4rem 0}
.example>summary{cursor:pointer;color:var(--dim)}
@media(max-width:52rem){body{display:block}nav{position:static;width:auto;height:auto;border-right:0;
border-bottom:1px solid var(--line)}nav details{display:inline-block;vertical-align:top}nav details[open]{display:block}
main{padding:1rem 1rem 4rem}.operation>summary span{margin-left:0;width:100%}
tr,td{display:block}tr{padding:.4rem 0;border-bottom:1px solid var(--line)}
td,td:first-child{border:0;padding:.1rem 0;white-space:normal}td:empty{display:none}}
"""
