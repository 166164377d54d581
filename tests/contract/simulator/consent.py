"""A person with a browser at the consent page: reads the real HTML, ticks, presses, and goes where they are sent."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

from tests.contract.simulator.box import Box

Browse = Callable[[str], Awaitable[dict[str, str]]]
"""Opens an authorize URL and returns the query the person comes back with, decoded once."""


@dataclass
class Control:
    """One input or button, and the text beside it."""

    kind: str
    name: str
    value: str
    on: bool
    label: str = ""


@dataclass
class Form:
    method: str
    action: str
    controls: list[Control] = field(default_factory=list)

    def choose(self, label: str) -> None:
        """Presses the one radio button whose label has this text."""
        radios = [control for control in self.controls if control.kind == "radio"]
        (wanted,) = [radio for radio in radios if label in radio.label]
        for radio in radios:
            radio.on = radio is wanted

    def untick(self, value: str) -> None:
        (box,) = [control for control in self.controls if control.kind == "checkbox" and control.value == value]
        box.on = False

    def pressed(self, button: str) -> list[tuple[str, str]]:
        """What a browser sends: every control that is on, and of the buttons the one that says `button`."""
        return [
            (control.name, control.value)
            for control in self.controls
            if control.on and (control.kind != "button" or control.label == button)
        ]


class Page(HTMLParser):
    """The one form of a page, as a browser understands it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self._open: list[Control] = []
        self._label: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        match tag:
            case "form":
                assert self.form is None, "two forms"
                self.form = Form(given.get("method") or "get", given.get("action") or "")
            case "label":
                self._label = ""
            case "input" | "button" if self.form is not None:
                kind = "button" if tag == "button" else given.get("type") or "text"
                on = "disabled" not in given and (kind not in ("radio", "checkbox") or "checked" in given)
                control = Control(kind, given.get("name") or "", given.get("value") or "", on)
                self.form.controls.append(control)
                self._open.append(control)
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if self._label is not None:
            self._label += data
        elif self._open and self._open[-1].kind == "button":
            self._open[-1].label += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "label" and self._label is not None:
            for control in self._open:
                control.label = self._label.strip()
            self._open, self._label = [], None
        elif tag == "button":
            self._open = []


def person(box: Box, username: str, *, unticks: Collection[str] = (), agrees: bool = True) -> Browse:
    """Somebody who chooses this account, switches these scopes off, and presses Authorize or Cancel."""

    async def browse(url: str) -> dict[str, str]:
        asked = urlsplit(url)
        shown = f"{box.url}{asked.path}?{asked.query}"
        page = await box.call("GET", shown)
        assert page.status == 200, page.text
        form = Page(page.text).form
        assert form is not None and form.method == "post"
        form.choose(f"@{username}")
        for scope in unticks:
            form.untick(scope)

        given = form.pressed("Authorize" if agrees else "Cancel")
        sent = await box.call("POST", urljoin(shown, form.action), data=given)

        assert sent.status == 302, sent.text
        return dict(parse_qsl(urlsplit(sent.headers["Location"]).query, strict_parsing=True))

    return browse
