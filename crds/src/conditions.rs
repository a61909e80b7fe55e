//! Condition types and reasons in `status.conditions`.

/// Types of conditions.
pub mod types {
    /// The pipeline is running as specified.
    pub const READY: &str = "Ready";
    /// The operator is bringing the pipeline to its specified state.
    pub const RECONCILING: &str = "Reconciling";
    /// The pipeline does not make progress without user action.
    pub const STALLED: &str = "Stalled";
    /// The database is ready.
    pub const DATABASE_READY: &str = "DatabaseReady";
    /// The database schema is up to date.
    pub const SCHEMA_READY: &str = "SchemaReady";
    /// Every producer group has the desired number of ready pods.
    pub const PRODUCERS_READY: &str = "ProducersReady";
    /// Every consumer group has the desired number of ready pods.
    pub const CONSUMERS_READY: &str = "ConsumersReady";
    /// The route is published. The Gateways of an HTTPRoute have accepted it.
    pub const ROUTE_ACCEPTED: &str = "RouteAccepted";
    /// No event has been pending for too long. `Ready` does not depend on it.
    pub const BACKLOG_IN_TIME: &str = "BacklogInTime";
    /// Every pending event has a group of consumers that takes its type. `Ready` does not depend on it.
    pub const TYPES_TAKEN: &str = "TypesTaken";
    /// The database's volume has space for more events. `Ready` does not depend on it.
    pub const STORAGE_AVAILABLE: &str = "StorageAvailable";
}

/// Reasons of conditions.
pub mod reasons {
    /// Everything is as specified.
    pub const AS_SPECIFIED: &str = "AsSpecified";
    /// The pipeline is not reconciled yet.
    pub const FIRST_SEEN: &str = "FirstSeen";
    /// The database is not ready.
    pub const DATABASE_NOT_READY: &str = "DatabaseNotReady";
    /// The database is external. Only the schema Job and the pods can tell whether it is reachable.
    pub const EXTERNAL: &str = "External";
    /// The schema is not up to date.
    pub const SCHEMA_NOT_READY: &str = "SchemaNotReady";
    /// A producer group has too few ready pods.
    pub const PRODUCERS_NOT_READY: &str = "ProducersNotReady";
    /// A consumer group has too few ready pods.
    pub const CONSUMERS_NOT_READY: &str = "ConsumersNotReady";
    /// Pods are starting or being replaced.
    pub const PODS_STARTING: &str = "PodsStarting";
    /// All desired pods are ready.
    pub const PODS_READY: &str = "PodsReady";
    /// No event is pending.
    pub const BACKLOG_EMPTY: &str = "BacklogEmpty";
    /// Events are pending, none of them for too long.
    pub const EVENTS_WAIT: &str = "EventsWait";
    /// An event has been pending for too long.
    pub const EVENTS_WAIT_TOO_LONG: &str = "EventsWaitTooLong";
    /// Every pending event has a group that takes its type.
    pub const EVERY_TYPE_TAKEN: &str = "EveryTypeTaken";
    /// Events are pending whose type no group takes.
    pub const TYPE_NOT_TAKEN: &str = "TypeNotTaken";
    /// No producer is ready to report queue statistics.
    pub const NO_PRODUCER: &str = "NoProducer";
    /// Producers are ready, but none returned queue statistics.
    pub const QUEUE_STATS_NOT_READ: &str = "QueueStatsNotRead";
    /// The volume has enough space.
    pub const ROOM_LEFT: &str = "RoomLeft";
    /// At the present rate, the volume will be full within a day.
    pub const FILLING_UP: &str = "FillingUp";
    /// Less than twice the required space is free.
    pub const NEARLY_FULL: &str = "NearlyFull";
    /// Less than the required space is free. Producers refuse creations with status 507; reads, processing
    /// and retention continue.
    pub const CREATIONS_REFUSED: &str = "CreationsRefused";
    /// The usage of the volume is unknown: the database is external, or its agent does not answer.
    pub const VOLUME_NOT_KNOWN: &str = "VolumeNotKnown";
    /// The queue is empty, and all groups have scaled to zero.
    pub const SCALED_TO_ZERO: &str = "ScaledToZero";
    /// All consumer groups are suspended.
    pub const SUSPENDED: &str = "Suspended";
    /// The image of a pod cannot be pulled.
    pub const IMAGE_NOT_PULLED: &str = "ImageNotPulled";
    /// A Secret or ConfigMap of an environment variable does not exist or lacks the key.
    pub const CONFIG_NOT_FOUND: &str = "ConfigNotFound";
    /// A pod has waited for its volumes for a long time. One of them may refer to a missing Secret.
    pub const VOLUMES_NOT_MOUNTED: &str = "VolumesNotMounted";
    /// A container cannot be started.
    pub const CONTAINER_NOT_STARTED: &str = "ContainerNotStarted";
    /// A container keeps crashing.
    pub const CRASH_LOOP: &str = "CrashLoop";
    /// The database does not start because a newer MySQL version has written its data.
    pub const DATABASE_DOWNGRADE: &str = "DatabaseDowngrade";
    /// No node can run the pod.
    pub const UNSCHEDULABLE: &str = "Unschedulable";
    /// The volume of a pod is not bound. No StorageClass provisions it, or none is available.
    pub const VOLUME_NOT_BOUND: &str = "VolumeNotBound";
    /// A quota of the namespace is exceeded.
    pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
    /// The ServiceAccount of the pods does not exist.
    pub const SERVICE_ACCOUNT_NOT_FOUND: &str = "ServiceAccountNotFound";
    /// The API server rejects the pods.
    pub const PODS_REFUSED: &str = "PodsRefused";
    /// The volume of the database is being expanded.
    pub const VOLUME_GROWING: &str = "VolumeGrowing";
    /// The volume of the database cannot be expanded to the specified size.
    pub const VOLUME_NOT_GROWN: &str = "VolumeNotGrown";
    /// The schema Job is running.
    pub const JOB_RUNNING: &str = "JobRunning";
    /// The schema Job has succeeded.
    pub const JOB_SUCCEEDED: &str = "JobSucceeded";
    /// The schema Job has failed and will not be retried.
    pub const JOB_FAILED: &str = "JobFailed";
    /// A Deployment has not made progress within its deadline.
    pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";
    /// The Ingress exists, and its controller has assigned an address.
    pub const ADDRESS_ASSIGNED: &str = "AddressAssigned";
    /// The Ingress exists. Its controller reports no address, as many never do.
    pub const PUBLISHED: &str = "Published";
    /// Another Ingress, HTTPRoute or pipeline already has the host and path. The route is not published.
    pub const HOST_TAKEN: &str = "HostTaken";
    /// The spec requests an HTTPRoute, but the Gateway API is not installed.
    pub const GATEWAY_API_MISSING: &str = "GatewayApiMissing";
    /// All Gateways have accepted the HTTPRoute.
    pub const ACCEPTED_BY_GATEWAYS: &str = "AcceptedByGateways";
    /// A Gateway has not reported a status for the HTTPRoute. The Gateway or its controller may be missing.
    pub const GATEWAY_PENDING: &str = "GatewayPending";
    /// A Gateway has rejected the HTTPRoute.
    pub const ROUTE_REJECTED: &str = "RouteRejected";
    /// The route is not accepted yet.
    pub const ROUTE_NOT_ACCEPTED: &str = "RouteNotAccepted";
    /// The spec requests no route.
    pub const NO_ROUTE: &str = "NoRoute";
    /// The spec violates a rule that the API server did not enforce.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// The API server rejects an object of the pipeline.
    pub const OBJECT_REFUSED: &str = "ObjectRefused";
    /// A foreign object has a name that the pipeline needs.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// An object could not be written. The operator retries.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// The pipeline is not stalled.
    pub const NOT_STALLED: &str = "NotStalled";
    /// The condition `Stalled` explains the reason.
    pub const STALLED: &str = "Stalled";
}

/// All condition types.
pub const ALL_TYPES: [&str; 11] = [
    types::READY,
    types::RECONCILING,
    types::STALLED,
    types::DATABASE_READY,
    types::SCHEMA_READY,
    types::PRODUCERS_READY,
    types::CONSUMERS_READY,
    types::ROUTE_ACCEPTED,
    types::BACKLOG_IN_TIME,
    types::TYPES_TAKEN,
    types::STORAGE_AVAILABLE,
];
