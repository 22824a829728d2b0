"""How a Dask scheduler is reached over TLS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traces import ConfigError, FileProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsScheduler:
    """A Dask scheduler that is reached over TLS, each side proving itself by a certificate of one authority."""

    address: str  # tls://host:8786
    ca: Path  # certificate of the authority (PEM)
    cert: Path  # of this client (PEM)
    key: Path  # to it (PEM)

    def __post_init__(self) -> None:
        if not self.address.startswith("tls://"):
            raise ConfigError(f"scheduler {self.address!r}: TLS needs an address that begins with tls://")
        for name in ("ca", "cert", "key"):
            path = getattr(self, name)
            if not path.is_file():
                raise FileProblem(f"{path}: no such file; TLS needs a {name} file (PEM)")

    def security(self) -> Any:
        """Return it in Dask's words; what is not encrypted is refused."""
        from distributed.security import Security  # noqa: PLC0415  (optional, and slow to import)

        files = {
            "tls_ca_file": str(self.ca),
            "tls_client_cert": str(self.cert),
            "tls_client_key": str(self.key),
        }
        return Security(require_encryption=True, **files)
