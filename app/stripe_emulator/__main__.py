"""`python -m app.stripe_emulator`: the emulator as a process of its own."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from app.stripe_emulator import create_emulator
from app.stripe_emulator.server import HOST, bind


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; prints the address once it is bound."""
    parser = argparse.ArgumentParser(prog="python -m app.stripe_emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument(
        "--store",
        default=os.environ.get("STRIPE_EMULATOR_STORE", ":memory:"),
        help="path of the SQLite file; in memory by default",
    )
    parser.add_argument("--webhook-url", default=os.environ.get("STRIPE_EMULATOR_WEBHOOK_URL"))
    parser.add_argument("--webhook-secret", default=os.environ.get("STRIPE_WEBHOOK_SECRET"))
    parser.add_argument("--port-file", help="file that receives the bound port")
    parser.add_argument(
        "--no-background",
        action="store_true",
        help="send webhooks only when the control API says drain",
    )
    options = parser.parse_args(arguments)
    app = create_emulator(
        options.store,
        webhook_url=options.webhook_url,
        webhook_secret=options.webhook_secret,
        background=not options.no_background,
    )
    server = bind(app, port=options.port)
    if options.port_file:
        _write_whole(Path(options.port_file), f"{server.server_port}\n")
    print(f"Stripe emulator on http://{HOST}:{server.server_port}/emulator/", flush=True)
    signal.signal(signal.SIGTERM, _leave)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        app.extensions["stripe_emulator_dispatcher"].stop()
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _write_whole(path: Path, text: str) -> None:
    """Replace the file at once, so that a waiting reader never sees half of it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    os.replace(file.name, path)


if __name__ == "__main__":
    sys.exit(main())
