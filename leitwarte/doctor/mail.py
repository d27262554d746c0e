"""Do the mail servers of channels let us in. Signed in at most; nothing is sent, and no address is told."""

import smtplib
import ssl
from collections.abc import Iterator

import apprise
from apprise.plugins.email.base import NotifyEmail

from leitwarte.doctor.finding import Finding, fail, ok
from leitwarte.preset_secrets import secrets
from leitwarte.settings import Settings

_PATIENCE_S = 10.0


def servers(settings: Settings) -> Iterator[Finding]:
    """A finding for each channel that is mail. It blocks for as long as they take."""
    for key, url in secrets(settings):
        channel = apprise.Apprise.instantiate(url) if url.startswith(("mailto:", "mailtos:")) else None
        if isinstance(channel, NotifyEmail):
            yield _asked(f"mail {key}", channel)


def _asked(what: str, channel: NotifyEmail) -> Finding:
    port = f"port {channel.port}"
    try:
        with _connected(channel) as server:
            if channel.user and channel.password:
                server.login(channel.user, channel.password)
    except smtplib.SMTPAuthenticationError as error:
        return fail(what, f"the server refuses the sign-in ({error.smtp_code})", "check user and password")
    except ssl.SSLCertVerificationError as error:
        return fail(
            what, f"the server's certificate: {error.verify_message}", "renew it, or name the server as it does"
        )
    except (OSError, smtplib.SMTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return fail(what, f"no answer at {port}: {reason}", "check server, port, mode (ssl, starttls) and firewall")
    return ok(what, f"the server lets us in at {port}; nothing was sent")


def _connected(channel: NotifyEmail) -> smtplib.SMTP:
    context, port = ssl.create_default_context(), channel.port or 0  # 0: the usual one
    if channel.secure_mode == "ssl":
        return smtplib.SMTP_SSL(channel.smtp_host, port, timeout=_PATIENCE_S, context=context)
    server = smtplib.SMTP(channel.smtp_host, port, timeout=_PATIENCE_S)
    try:
        if channel.secure_mode == "starttls":
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server
