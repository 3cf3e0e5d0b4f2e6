"""The page in a browser: what ``kws export --web`` and `make web` write.

``assets`` holds what any page of kws may use, as ES modules without a build step: ``spotter.js`` (a model's
WebAssembly module), ``sound.js`` (files, levels, resampling), ``microphone.js`` with ``worklet.js``,
``spectrogram.js`` and ``meters.js``.
"""

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
