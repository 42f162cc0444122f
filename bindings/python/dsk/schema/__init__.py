# Written by bindings/schema/generate.py from docs/schema. Do not edit.
"""Typed requests and answers: one class for each object of docs/schema."""

from .bench_measurement import MeasurementDoubt as MeasurementDoubt, Measurement as Measurement
from .bench_probe_request import BenchProbeLinear as BenchProbeLinear, BenchProbeRequest as BenchProbeRequest
from .calibration import (
    CalibrationProductPoint as CalibrationProductPoint,
    CalibrationProduct as CalibrationProduct,
    CalibrationLinksPeerCopyPair as CalibrationLinksPeerCopyPair,
    CalibrationLinksPeerCopy as CalibrationLinksPeerCopy,
    CalibrationLinksAllReducePoint as CalibrationLinksAllReducePoint,
    CalibrationLinksAllReduce as CalibrationLinksAllReduce,
    CalibrationLinks as CalibrationLinks,
    CalibrationFactor as CalibrationFactor,
    CalibrationEngineRunsFactors as CalibrationEngineRunsFactors,
    CalibrationEngineRuns as CalibrationEngineRuns,
    CalibrationLaunch as CalibrationLaunch,
    Calibration as Calibration,
)
from .cost_answer import (
    CostAnswerOwnershipTerm as CostAnswerOwnershipTerm,
    CostAnswerOwnershipQuoted as CostAnswerOwnershipQuoted,
    CostAnswerOwnership as CostAnswerOwnership,
    CostAnswerCloud as CostAnswerCloud,
    CostAnswerProjectOption as CostAnswerProjectOption,
    CostAnswerProject as CostAnswerProject,
    CostAnswerToken as CostAnswerToken,
    CostAnswerMixSplit as CostAnswerMixSplit,
    CostAnswerMixAlone as CostAnswerMixAlone,
    CostAnswerMixThreshold as CostAnswerMixThreshold,
    CostAnswerMix as CostAnswerMix,
    CostAnswerProvenance as CostAnswerProvenance,
    CostAnswer as CostAnswer,
)
from .cost_request import (
    CostOwnership as CostOwnership,
    CostCloud as CostCloud,
    CostTokens as CostTokens,
    CostLoad as CostLoad,
    CostRequest as CostRequest,
)
from .fit_answer import (
    FitAnswerNeeds as FitAnswerNeeds,
    FitAnswerReplicaPod as FitAnswerReplicaPod,
    FitAnswerReplica as FitAnswerReplica,
    FitAnswerNodeReason as FitAnswerNodeReason,
    FitAnswerNode as FitAnswerNode,
    FitAnswer as FitAnswer,
)
from .fit_request import FitNode as FitNode, FitRequest as FitRequest
from .load_report import (
    LoadReportRequests as LoadReportRequests,
    LoadReportTokens as LoadReportTokens,
    LoadReport as LoadReport,
)
from .load_request import (
    LoadEndpoint as LoadEndpoint,
    LoadWorkloadTrace as LoadWorkloadTrace,
    Lengths as Lengths,
    LoadWorkloadPrefix as LoadWorkloadPrefix,
    LoadWorkload as LoadWorkload,
    LoadSlo as LoadSlo,
    LoadRequest as LoadRequest,
)
from .memory_answer import (
    MemoryAnswerModel as MemoryAnswerModel,
    MemoryAnswerDevice as MemoryAnswerDevice,
    MemoryAnswerEngine as MemoryAnswerEngine,
    MemoryAnswerParallel as MemoryAnswerParallel,
    MemoryAnswerSmallestFraction as MemoryAnswerSmallestFraction,
    MemoryAnswerTerm as MemoryAnswerTerm,
    MemoryAnswerKvCacheLayer as MemoryAnswerKvCacheLayer,
    MemoryAnswerKvCache as MemoryAnswerKvCache,
    MemoryAnswerKvPool as MemoryAnswerKvPool,
    MemoryAnswerFormat as MemoryAnswerFormat,
    MemoryAnswer as MemoryAnswer,
)
from .memory_request import Parallel as Parallel, MemoryLora as MemoryLora, MemoryRequest as MemoryRequest
from .monitor_request import MonitorRequest as MonitorRequest
from .plan_answer import (
    PlanAnswerModel as PlanAnswerModel,
    PlanAnswerRequestWorkload as PlanAnswerRequestWorkload,
    PlanAnswerRequestSlo as PlanAnswerRequestSlo,
    PlanAnswerRequestLimits as PlanAnswerRequestLimits,
    PlanAnswerRequest as PlanAnswerRequest,
    PlanOptionPerformance as PlanOptionPerformance,
    PlanOptionCost as PlanOptionCost,
    PlanOptionEnergy as PlanOptionEnergy,
    PlanOptionScores as PlanOptionScores,
    PlanMemoryTerm as PlanMemoryTerm,
    PlanMemory as PlanMemory,
    PlanOptionOrigins as PlanOptionOrigins,
    CalibrationUseFactors as CalibrationUseFactors,
    CalibrationUseBatch as CalibrationUseBatch,
    CalibrationUseStepWithout as CalibrationUseStepWithout,
    CalibrationUse as CalibrationUse,
    PlanOption as PlanOption,
    PlanAnswerStageMeasure as PlanAnswerStageMeasure,
    PlanAnswerStage as PlanAnswerStage,
    PlanAnswerExplanationRelax as PlanAnswerExplanationRelax,
    PlanAnswerExplanationClosestToFit as PlanAnswerExplanationClosestToFit,
    PlanAnswerExplanation as PlanAnswerExplanation,
    PlanAnswerReading as PlanAnswerReading,
    PlanAnswerSearch as PlanAnswerSearch,
    PlanAnswerProvenance as PlanAnswerProvenance,
    PlanAnswer as PlanAnswer,
)
from .plan_request import (
    Model as Model,
    Workload as Workload,
    Slo as Slo,
    Limits as Limits,
    PlanSearch as PlanSearch,
    PlanRequest as PlanRequest,
)
from .simulate_answer import (
    SimulateAnswerDeploymentPolicy as SimulateAnswerDeploymentPolicy,
    SimulateAnswerDeployment as SimulateAnswerDeployment,
    SimulateAnswerRequests as SimulateAnswerRequests,
    Percentiles as Percentiles,
    SimulateAnswerKv as SimulateAnswerKv,
    SimulateAnswerTimeline as SimulateAnswerTimeline,
    SimulateAnswer as SimulateAnswer,
)
from .simulate_request import (
    SimulatePolicy as SimulatePolicy,
    SimulateGroup as SimulateGroup,
    SimulateDisaggregated as SimulateDisaggregated,
    SimulateTier as SimulateTier,
    SimulateWorkloadArrivals as SimulateWorkloadArrivals,
    SimulateWorkloadTrace as SimulateWorkloadTrace,
    SimulateWorkloadSessions as SimulateWorkloadSessions,
    SimulateWorkload as SimulateWorkload,
    SimulateRequest as SimulateRequest,
)
from .step_answer import (
    StepAnswerStepPartsUs as StepAnswerStepPartsUs,
    StepAnswerStep as StepAnswerStep,
    StepAnswerOperator as StepAnswerOperator,
    StepAnswerVariant as StepAnswerVariant,
    StepAnswer as StepAnswer,
)
from .step_request import StepBatchPrefill as StepBatchPrefill, StepBatch as StepBatch, StepRequest as StepRequest
from .tune_batching_answer import (
    TuneBatchingAnswerPolicy as TuneBatchingAnswerPolicy,
    TuneBatchingAnswer as TuneBatchingAnswer,
)
