"""`python -m app.demo.other_servers`: serves the sample customers' servers, each on its port.

They are whole sample servers: one may log in there as one of the people, open the gear menu and
come to the billing of that customer, or press "upload now" on the one that fell silent.
"""

import logging
import signal
import sys
import threading
from types import FrameType

from app.demo.folder import get_demo_folder
from app.demo.servers import open_servers
from app.sample_server.server import HourlyUploads, bind


def main() -> int:
    """Serve until SIGTERM or ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _leave)
    bound = []
    for server in open_servers(get_demo_folder()):
        http, port = bind(server.store, port=server.store.settings().port)
        threading.Thread(target=http.serve_forever, name=server.customer.name, daemon=True).start()
        hourly = HourlyUploads(server.store)
        if server.customer.silent_for is None:
            hourly.start()
        bound.append((http, hourly, server))
        print(f"{server.customer.title}: http://{server.customer.name}.localhost:{port}/")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("Stopped.")
    for http, _hourly, _server in bound:
        http.server_close()
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
