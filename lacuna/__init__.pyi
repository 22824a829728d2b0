"""The public names: `import lacuna as lc`.  Type checkers read this file, and `lacuna/__init__.py` serves it."""

from accel_models import Design as Design
from accel_models import design_names as design_names
from accel_models import load_design as load_design
from accel_models import save_cost_table as save_cost_table
from analysis import SweepResults as SweepResults
from analysis import break_even as break_even
from analysis import compare as compare
from analysis import load_space as load_space
from analysis import load_sweep as load_sweep
from analysis import search as search
from analysis import sensitivity as sensitivity
from analysis import sweep as sweep
from analysis import verdict as verdict
from analysis import write_figures as write_figures
from analysis import write_report
from networks import CaptureWarning as CaptureWarning
from networks import capture as capture
from networks import record as record
from networks import record_checkpoint as record_checkpoint
from networks import train_from_config as train_from_config
from simulator import Arrivals as Arrivals
from simulator import Budget as Budget
from simulator import Dvfs as Dvfs
from simulator import DvfsState as DvfsState
from simulator import Policy as Policy
from simulator import Results as Results
from simulator import StaticTable as StaticTable
from simulator import StreamResults as StreamResults
from simulator import StreamSettings as StreamSettings
from simulator import Summary as Summary
from simulator import estimate as estimate
from simulator import load_results as load_results
from simulator import replay as replay
from simulator import stream as stream
from traces import ConfigError as ConfigError
from traces import FileProblem as FileProblem
from traces import Gate as Gate
from traces import GraphBuilder as GraphBuilder
from traces import GraphError as GraphError
from traces import LacunaError as LacunaError
from traces import NetworkGraph as NetworkGraph
from traces import Op as Op
from traces import SyntheticSettings as SyntheticSettings
from traces import Trace as Trace
from traces import TraceInfo as TraceInfo
from traces import UnsupportedError as UnsupportedError
from traces import channel as channel
from traces import cifar_resnet as cifar_resnet
from traces import elements as elements
from traces import exits as exits
from traces import export_npz as export_npz
from traces import from_masks as from_masks
from traces import import_npz as import_npz
from traces import layer as layer
from traces import load_network as load_network
from traces import load_trace as load_trace
from traces import network_names as network_names
from traces import pack_mask as pack_mask
from traces import save_trace as save_trace
from traces import shipped_traces as shipped_traces
from traces import spatial as spatial
from traces import synthetic_trace as synthetic_trace
from traces import tokens as tokens
from traces import trace_statistics as trace_statistics
from traces import width as width
from traces import with_exit_threshold as with_exit_threshold

report = write_report
Graph = NetworkGraph  # the short name, of the class that calls itself NetworkGraph

__version__: str
