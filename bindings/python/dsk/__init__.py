"""libdsk: which GPUs, split how, at what cost, will serve this model within this SLA; does the hardware really deliver it; and run
the split layers.

    import dsk

    plan = dsk.plan(dsk.PlanRequest("deepseek-r1", ["h200-sxm"], dsk.open_loop(2, 2048, 512), slo=dsk.Slo(tpot_ms=50)))
    print(plan.summary.gpus, plan.summary.usd_per_mtok)

Every request may be a dataclass of `dsk.schema`, a dict or JSON text; failures raise `dsk.Error` with `.path`.
"""

from . import catalog as catalog
from . import schema as schema
from . import tp as tp
from ._call import Cancel as Cancel
from ._loader import native as _native
from ._logging import set_log as set_log
from ._version import __version__ as __version__
from .errors import BackendError as BackendError
from .errors import CancelledError as CancelledError
from .errors import DeadlineError as DeadlineError
from .errors import Error as Error
from .errors import InternalError as InternalError
from .errors import InvalidArgumentError as InvalidArgumentError
from .errors import InvalidRequestError as InvalidRequestError
from .errors import IoError as IoError
from .errors import NotFoundError as NotFoundError
from .errors import OutOfMemoryError as OutOfMemoryError
from .errors import UnavailableError as UnavailableError
from .errors import UnsupportedError as UnsupportedError
from .measuring import MeasureOptions as MeasureOptions
from .measuring import Monitor as Monitor
from .measuring import calibrate as calibrate
from .measuring import calibrate_json as calibrate_json
from .measuring import compare as compare
from .measuring import load as load
from .measuring import load_json as load_json
from .measuring import load_report as load_report
from .measuring import machine as machine
from .measuring import machine_report as machine_report
from .measuring import measure as measure
from .measuring import measure_batches as measure_batches
from .measuring import measure_command as measure_command
from .measuring import probe as probe
from .planning import Plan as Plan
from .planning import PlanSummary as PlanSummary
from .planning import closed_loop as closed_loop
from .planning import cost as cost
from .planning import cost_json as cost_json
from .planning import memory as memory
from .planning import memory_json as memory_json
from .planning import model_from_config as model_from_config
from .planning import open_loop as open_loop
from .planning import plan as plan
from .schema import CostRequest as CostRequest
from .schema import FitAnswer as FitAnswer
from .schema import FitRequest as FitRequest
from .schema import Limits as Limits
from .schema import LoadRequest as LoadRequest
from .schema import MemoryRequest as MemoryRequest
from .schema import Model as Model
from .schema import PlanAnswer as PlanAnswer
from .schema import PlanOption as PlanOption
from .schema import PlanRequest as PlanRequest
from .schema import PlanSearch as PlanSearch
from .schema import SimulateRequest as SimulateRequest
from .schema import Slo as Slo
from .schema import StepRequest as StepRequest
from .schema import Workload as Workload
from .simulation import Simulation as Simulation
from .simulation import simulate as simulate
from .simulation import tune_batching as tune_batching
from .simulation import validate_e2e as validate_e2e
from .simulation import validate_requests as validate_requests
from .stepping import Resource as Resource
from .stepping import StepModel as StepModel
from .stepping import StepTime as StepTime
from .stepping import explain as explain
from .stepping import validate_kernels as validate_kernels


def library_version() -> str:
    """Version of the native library."""
    return _native.dsk_version_string()


def live_objects() -> int:
    """Handles and error objects alive in this process; code that balances its calls sees it return to where it began."""
    return _native.dsk_live_objects()
