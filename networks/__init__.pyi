"""What others may use of `networks`, listed once: type checkers read this file, and `lazy_loader` serves it."""

from .capturing.capture import CaptureWarning as CaptureWarning
from .capturing.capture import capture as capture
from .demo import train_digits_lcnet as train_digits_lcnet
from .recording.catalogue import ShippedNetwork as ShippedNetwork
from .recording.catalogue import shipped_networks as shipped_networks
from .recording.record import describe_checkpoint as describe_checkpoint
from .recording.record import record_checkpoint as record_checkpoint
from .recording.recorder import record as record
from .training.config import load_config as load_config
from .training.launch import train_from_config as train_from_config
from .training.run import EpochReport as EpochReport
