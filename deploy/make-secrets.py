"""Writes random secrets for docker-compose.yml into a folder; what is there already stays as it is.

python3 deploy/make-secrets.py secrets
"""

import base64
import hashlib
import secrets
import sys
from pathlib import Path

NAMES = ("influx_password", "influx_token", "mqtt_password", "grafana_admin_password")


def mosquitto_entry(user: str, password: str) -> str:
    """A line of a mosquitto password file: PBKDF2-SHA512 with 101 rounds, as mosquitto_passwd 2.0 writes it."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


def main(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in NAMES:
        write_once(folder / name, secrets.token_urlsafe(32))
    password = (folder / "mqtt_password").read_text("utf-8")
    write_once(folder / "mqtt_password_file", mosquitto_entry("leitwarte", password))


def write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, "utf-8")
        path.chmod(0o644)  # containers read them as other users; the folder itself is closed to everyone else


if __name__ == "__main__":
    main(Path(sys.argv[1]))
