//! Names of conditions and of their reasons, as they stand in `status.conditions`.

/// Types of conditions.
pub mod types {
    /// Everything that the spec asks for is there.
    pub const READY: &str = "Ready";
    /// Something that the spec asks for is on its way.
    pub const RECONCILING: &str = "Reconciling";
    /// Waiting does not help: somebody must act.
    pub const STALLED: &str = "Stalled";
    /// The database answers.
    pub const DATABASE_READY: &str = "DatabaseReady";
    /// The database's schema is up to date.
    pub const SCHEMA_READY: &str = "SchemaReady";
    /// Every group of producers has the pods that are wanted.
    pub const PRODUCERS_READY: &str = "ProducersReady";
    /// Every group of consumers has the pods that are wanted.
    pub const CONSUMERS_READY: &str = "ConsumersReady";
    /// The route's object stands as the spec asks for; the Gateways of an HTTPRoute take it.
    pub const ROUTE_ACCEPTED: &str = "RouteAccepted";
    /// No event that is due has waited for long. `Ready` does not depend on it.
    pub const BACKLOG_IN_TIME: &str = "BacklogInTime";
    /// There is room for further events on the database's volume. `Ready` does not depend on it.
    pub const STORAGE_AVAILABLE: &str = "StorageAvailable";
}

/// Reasons of conditions.
pub mod reasons {
    /// All is as the spec asks for.
    pub const AS_SPECIFIED: &str = "AsSpecified";
    /// The operator has seen the pipeline and not yet looked further.
    pub const FIRST_SEEN: &str = "FirstSeen";
    /// The database is not ready.
    pub const DATABASE_NOT_READY: &str = "DatabaseNotReady";
    /// The database is not the pipeline's own: whether it answers is seen by the schema Job and the pods.
    pub const EXTERNAL: &str = "External";
    /// The schema is not up to date.
    pub const SCHEMA_NOT_READY: &str = "SchemaNotReady";
    /// A group of producers lacks pods.
    pub const PRODUCERS_NOT_READY: &str = "ProducersNotReady";
    /// A group of consumers lacks pods.
    pub const CONSUMERS_NOT_READY: &str = "ConsumersNotReady";
    /// Pods are starting, or are being replaced.
    pub const PODS_STARTING: &str = "PodsStarting";
    /// All pods that are wanted are ready.
    pub const PODS_READY: &str = "PodsReady";
    /// No event waits.
    pub const BACKLOG_EMPTY: &str = "BacklogEmpty";
    /// Events wait, and none has for longer than it may.
    pub const EVENTS_WAIT: &str = "EventsWait";
    /// An event has waited for longer than it may.
    pub const EVENTS_WAIT_TOO_LONG: &str = "EventsWaitTooLong";
    /// No producer is ready that could tell how many events wait.
    pub const NO_PRODUCER: &str = "NoProducer";
    /// Producers are ready, and none tells how many events wait.
    pub const FIGURES_NOT_READ: &str = "FiguresNotRead";
    /// There is room for events.
    pub const ROOM_LEFT: &str = "RoomLeft";
    /// The volume is full within a day if it goes on like this.
    pub const FILLING_UP: &str = "FillingUp";
    /// Twice what must be free is not free any more.
    pub const NEARLY_FULL: &str = "NearlyFull";
    /// What must be free is not: producers refuse creations with 507. Reads, the processing of events and retention go on.
    pub const CREATIONS_REFUSED: &str = "CreationsRefused";
    /// Nobody tells how full the volume is: the database is external, or its agent does not answer.
    pub const VOLUME_NOT_KNOWN: &str = "VolumeNotKnown";
    /// The queue is empty, and the groups have scaled to no consumers.
    pub const SCALED_TO_ZERO: &str = "ScaledToZero";
    /// Every group is suspended.
    pub const SUSPENDED: &str = "Suspended";
    /// A pod's image can't be pulled.
    pub const IMAGE_NOT_PULLED: &str = "ImageNotPulled";
    /// A Secret or ConfigMap that a pod takes a variable from is not there, or lacks the key.
    pub const CONFIG_NOT_FOUND: &str = "ConfigNotFound";
    /// A pod has waited for its volumes for long: one may name a Secret that is not there.
    pub const VOLUMES_NOT_MOUNTED: &str = "VolumesNotMounted";
    /// A container can't be started.
    pub const CONTAINER_NOT_STARTED: &str = "ContainerNotStarted";
    /// A container ends with an error, again and again.
    pub const CRASH_LOOP: &str = "CrashLoop";
    /// The database does not start: its data is of a newer MySQL than its image.
    pub const DATABASE_DOWNGRADE: &str = "DatabaseDowngrade";
    /// No node takes the pod.
    pub const UNSCHEDULABLE: &str = "Unschedulable";
    /// The volume of a pod is not there yet: no class makes it, or none is free.
    pub const VOLUME_NOT_BOUND: &str = "VolumeNotBound";
    /// A quota of the namespace allows no more pods.
    pub const QUOTA_EXCEEDED: &str = "QuotaExceeded";
    /// The API server refuses pods.
    pub const PODS_REFUSED: &str = "PodsRefused";
    /// The volume of the database is being made larger.
    pub const VOLUME_GROWING: &str = "VolumeGrowing";
    /// The volume of the database can't be made as large as the spec asks for.
    pub const VOLUME_NOT_GROWN: &str = "VolumeNotGrown";
    /// The schema Job is running.
    pub const JOB_RUNNING: &str = "JobRunning";
    /// The schema Job has succeeded.
    pub const JOB_SUCCEEDED: &str = "JobSucceeded";
    /// The schema Job has failed as often as it may.
    pub const JOB_FAILED: &str = "JobFailed";
    /// A Deployment made no progress within its deadline.
    pub const PROGRESS_DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";
    /// The Ingress stands and its controller has given it an address.
    pub const ADDRESS_ASSIGNED: &str = "AddressAssigned";
    /// The Ingress stands; its controller reports no address, as many never do.
    pub const PUBLISHED: &str = "Published";
    /// Another Ingress, HTTPRoute or pipeline has the host and path already: the route is not published.
    pub const HOST_TAKEN: &str = "HostTaken";
    /// The spec asks for an HTTPRoute, and the cluster has no Gateway API.
    pub const GATEWAY_API_MISSING: &str = "GatewayApiMissing";
    /// The controllers of all Gateways that the spec names take the HTTPRoute.
    pub const ACCEPTED_BY_GATEWAYS: &str = "AcceptedByGateways";
    /// The controller of a Gateway has said nothing of the HTTPRoute: is the Gateway there, and its controller at work?
    pub const GATEWAY_PENDING: &str = "GatewayPending";
    /// The controller of a Gateway does not take the HTTPRoute, and says why.
    pub const ROUTE_REJECTED: &str = "RouteRejected";
    /// The route does not lead to the pipeline yet.
    pub const ROUTE_NOT_ACCEPTED: &str = "RouteNotAccepted";
    /// The spec asks for no route.
    pub const NO_ROUTE: &str = "NoRoute";
    /// The spec breaks a rule that the API server did not hold it to.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// The API server refuses an object that the spec asks for.
    pub const OBJECT_REFUSED: &str = "ObjectRefused";
    /// An object of somebody else has a name that the pipeline needs.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// An object could not be written; it is tried again.
    pub const APPLY_FAILED: &str = "ApplyFailed";
    /// Nothing stands in the way.
    pub const NOT_STALLED: &str = "NotStalled";
    /// See the condition `Stalled`.
    pub const STALLED: &str = "Stalled";
}

/// Each type of condition.
pub const ALL_TYPES: [&str; 10] = [
    types::READY,
    types::RECONCILING,
    types::STALLED,
    types::DATABASE_READY,
    types::SCHEMA_READY,
    types::PRODUCERS_READY,
    types::CONSUMERS_READY,
    types::ROUTE_ACCEPTED,
    types::BACKLOG_IN_TIME,
    types::STORAGE_AVAILABLE,
];
