"""What others may use of `analysis`, listed once: type checkers read this file, and `lazy_loader` serves it."""

from .paired import compare as compare
from .reports.report import write_figures as write_figures
from .reports.report import write_report as write_report
from .reports.validation_page import write_validation_page as write_validation_page
from .sweeps.search import search as search
from .sweeps.space_file import load_space as load_space
from .sweeps.store import SweepResults as SweepResults
from .sweeps.store import load_sweep as load_sweep
from .sweeps.sweep import Progress as Progress
from .sweeps.sweep import sweep as sweep
from .validation.all import all_comparisons as all_comparisons
from .validation.comparison import Comparison as Comparison
from .validation.left_out import kept as kept
from .validation.left_out import predicted_of as predicted_of
from .validation.row_kinds import ROW_KINDS as ROW_KINDS
from .validation.row_kinds import row_kind as row_kind
from .validation.rows.kind import GroupScore as GroupScore
from .validation.rows.kind import Score as Score
from .validation.rows.kind import read_measured_rows as read_measured_rows
from .validation.rows.kind import score_rows as score_rows
from .worth import Saving as Saving
from .worth import Verdict as Verdict
from .worth import verdict as verdict
