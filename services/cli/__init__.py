"""The `clipwire` command, over the REST client.

    app       the commands, wired
    command   one module per group of commands
    desk      what every command works with: the client, `--json`, `--url`
    place     which API, and which key
    say       answers on stdout, for people or as JSON; everything else on stderr
    ending    exit codes, and what to do about an error
    bar       from upload to published, as one bar
    feed      a place in the feed of events
    when      times as people type them
    doctor    what does not go through the API, because it looks into why that does not answer

Only this program uses typer and rich. It speaks HTTP by `libs.rest.client`, but for `listen`, which hands events to an
address of its user's, and `trigger`, which pulls a string of the simulator (`dial`).
"""
