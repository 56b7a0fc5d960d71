import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.limits/1`: limits of plugins, which narrow those of the user.
nonisolated(unsafe) let limitsTable = permanent(
    skiff_host_limits(
        struct_size: UInt32(MemoryLayout<skiff_host_limits>.size), reserved: 0, limit: limit,
        limit_devices: limitDevices))

private func limit(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_cgroup_limit>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let limit = readRequest(request, into: skiff_cgroup_limit()) else {
        return session.refuse(unread: request, "limit")
    }
    let cause = cause(limit.reason, session)
    guard let value = Int64(exactly: limit.value), value > 0, value < Int64.max / period else {
        return session.refuse(SKIFF_E_INVALID, "cannot limit the container to \(limit.value): that is no limit")
    }
    switch Int32(bitPattern: limit.what) {
    case SKIFF_CGROUP_MEMORY: session.draft?.limits.narrow(CgroupLimit(.memory, "", value, cause))
    case SKIFF_CGROUP_MEMORY_HIGH: session.draft?.limits.narrow(CgroupLimit(.memoryHigh, "", value, cause))
    case SKIFF_CGROUP_PROCESSES: session.draft?.limits.narrow(CgroupLimit(.processes, "", value, cause))
    case SKIFF_CGROUP_PROCESSORS:
        // In the user's period, so that the two can be compared.
        let known = session.draft?.limits.number(.period)
        if known == nil { session.draft?.limits.narrow(CgroupLimit(.period, "", period, cause)) }
        session.draft?.limits.narrow(CgroupLimit(.quota, "", max(1, value * (known ?? period) / 1000), cause))
    default:
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot limit \(limit.what): this skiff does not know it")
    }
    return SKIFF_OK
}

/// In microseconds: Linux's default.
private let period: Int64 = 100_000

private func limitDevices(_ pointer: OpaquePointer?, _ why: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard !session.facts.isRootless else {
        return session.refuse(SKIFF_E_DENIED, "cannot limit the devices of the container: only root does")
    }
    if session.draft?.deviceLimit == nil { session.draft?.deviceLimit = cause(why, session) }
    return SKIFF_OK
}
