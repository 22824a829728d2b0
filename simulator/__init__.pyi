"""What others may use of `simulator`, listed once: type checkers read this file, and `lazy_loader` serves it."""

from .policy import Policy as Policy
from .replays.run import replay as replay
from .replays.views import Views as Views
from .results import Results as Results
from .results import load_results as load_results
from .static_table import StaticTable as StaticTable
from .static_table import estimate as estimate
from .streams.arrivals import Arrivals as Arrivals
from .streams.budgets import Budget as Budget
from .streams.budgets import halt as halt
from .streams.dvfs import Dvfs as Dvfs
from .streams.dvfs import DvfsState as DvfsState
from .streams.results import StreamResults as StreamResults
from .streams.results import StreamSummary as StreamSummary
from .streams.stream import StreamSettings as StreamSettings
from .streams.stream import stream as stream
from .summary import MODEL_VERSION as MODEL_VERSION
from .summary import DoesNotFit as DoesNotFit
from .summary import Estimate as Estimate
from .summary import Explained as Explained
from .summary import Replayed as Replayed
from .summary import Spread as Spread
from .summary import Summary as Summary
from .summary import Waterfalls as Waterfalls
from .summary import summary_json as summary_json
