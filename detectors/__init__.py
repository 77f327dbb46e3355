"""Windows to anomalies."""

from driftwood.protocols import Detector
from driftwood.registry import Registry

DETECTORS: Registry[Detector] = Registry(
    "detector",
    {
        "new_template": "detectors.new_template:NewTemplate",
        "rate_change": "detectors.rate_change:RateChange",
        "error_burst": "detectors.error_burst:ErrorBurst",
        "new_event": "detectors.new_event:NewEvent",
        "length": "detectors.length:Length",
        "ecvc": "detectors.ecvc:Ecvc",
        "ecvc_idf": "detectors.ecvc:EcvcIdf",
        "event_set": "detectors.event_set:EventSet",
        "count_vector": "detectors.count_vector:CountVector",
        "count_vector_bucketed": "detectors.count_vector:CountVectorBucketed",
        "knn": "detectors.knn:NearestNeighbour",
        "knn_scaled": "detectors.knn:ScaledNeighbour",
        "ensemble": "detectors.ensemble:Ensemble",
    },
)
