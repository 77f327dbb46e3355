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
        "pca": "detectors.pca:Pca",
        "ngram_unseen": "detectors.ngrams:NgramUnseen",
        "ngram_unseen_2": "detectors.ngrams:BigramUnseen",
        "edit_distance": "detectors.edit_distance:EditDistance",
        "isolation_forest": "detectors.isolation_forest:IsolationForest",
        "invariants": "detectors.invariants:Invariants",
        "event_set": "detectors.event_set:EventSet",
        "count_vector": "detectors.count_vector:CountVector",
        "count_vector_bucketed": "detectors.count_vector:CountVectorBucketed",
        "count_range": "detectors.count_range:CountRange",
        "knn": "detectors.knn:NearestNeighbour",
        "knn_scaled": "detectors.knn:ScaledNeighbour",
        "prefix_vectors": "detectors.prefix_vectors:PrefixVectors",
        "relation_new": "detectors.relations:NewRelations",
        "type_new": "detectors.relations:NewTypes",
        "relation_rarity": "detectors.relations:RelationRarity",
        "relation_exceed": "detectors.relations:RelationExceed",
        "episode_memory": "detectors.episode_memory:EpisodeMemory",
        "ensemble": "detectors.ensemble:Ensemble",
        "gru_lm": "detectors.neural.language_model:GruLm",
        "transformer_lm": "detectors.neural.language_model:TransformerLm",
        "deeplog": "detectors.neural.deeplog:DeepLog",
        "logbert": "detectors.neural.logbert:LogBert",
        "logrobust": "detectors.neural.logrobust:LogRobust",
        "loganomaly": "detectors.neural.loganomaly:LogAnomaly",
        "ngram_lm": "detectors.ngram_lm:NgramLM",
        "tfidf_knn": "detectors.tfidf_knn:TfidfNeighbour",
    },
)
