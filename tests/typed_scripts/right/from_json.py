"""Settings of any type, as parsed JSON holds them."""

import json
from typing import Any

from sftp_async import SFTPOptions

settings: dict[str, Any] = json.loads('{"host": "sftp.example.com", "port": 2222}')
SFTPOptions(**settings)
SFTPOptions.model_validate(settings)
SFTPOptions.model_validate_json('{"host": "sftp.example.com", "port": 2222}')
