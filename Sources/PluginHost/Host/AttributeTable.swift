import Base
import Core
import Linux
import PluginAPI

// The part of `skiff.host.plan/3` that is about the program: groups, limits, capabilities, filters, sysctls, wrappers.

func cause(_ why: UnsafePointer<CChar>?, _ session: Session) -> ProgramAttributes.Cause {
    ProgramAttributes.Cause(reason: reason(why, session), origin: session.plugin.manifest.id)
}

func addGroup(_ pointer: OpaquePointer?, _ gid: UInt32, _ why: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard gid != UInt32.max else { return session.refuse(SKIFF_E_INVALID, "cannot add a group: \(gid) is not one") }
    let isMember = gid == effectiveGID() || supplementaryGroups().contains(gid)
    guard isMember || !session.facts.isRootless else {
        return session.refuse(
            SKIFF_E_DENIED, "cannot make the program a member of group \(gid): the caller is not a member, and not root"
        )
    }
    // A member keeps it: the groups of the caller stay.
    if !isMember { session.draft?.attributes.groups.append(.init(gid: gid, cause: cause(why, session))) }
    return SKIFF_OK
}

func addLimit(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_limit>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let limit = readRequest(request, into: skiff_limit()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a limit made for a newer skiff")
    }
    let name = text(limit.resource) ?? ""
    guard let resource = ResourceLimit.Name(name) else {
        return session.refuse(SKIFF_E_INVALID, "cannot limit \(name): not a resource of setrlimit(2)")
    }
    guard limit.soft <= limit.hard else {
        return session.refuse(SKIFF_E_INVALID, "cannot set \(name): the soft limit is above the hard one")
    }
    do throws(Errno) {
        // CAP_SYS_RESOURCE of capabilities(7), in the user namespace of the host.
        let held = try capabilities().effective
        let hard = try ResourceLimit.current(resource).hard
        guard limit.hard <= hard || (!session.facts.isRootless && held & 1 << 24 != 0) else {
            return session.refuse(
                SKIFF_E_DENIED, "cannot set \(name): above the caller's hard limit, which only root raises")
        }
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot set \(name)", errno: error)
    }
    session.draft?.attributes.add(
        ProgramAttributes.Limit(
            resource: resource, value: ResourceLimit(soft: limit.soft, hard: limit.hard),
            cause: cause(limit.reason, session)))
    return SKIFF_OK
}

func dropCapability(_ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ why: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let name = text(name), let number = Capability.number(of: name) else {
        return session.refuse(SKIFF_E_INVALID, "cannot drop capability \(text(name) ?? ""): there is none of that name")
    }
    session.draft?.droppedCapabilities.append((number, cause(why, session)))
    session.draft?.notes.append(
        PlanNote("without \(name): \(reason(why, session))", origin: session.plugin.manifest.id))
    return SKIFF_OK
}

func addFilter(_ pointer: OpaquePointer?, _ request: UnsafePointer<skiff_filter>?) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let filter = readRequest(request, into: skiff_filter()) else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot understand a filter made for a newer skiff")
    }
    // BPF_MAXINSNS of linux/bpf_common.h; an instruction has eight bytes.
    guard (1...4096).contains(filter.count), let instructions = filter.instructions else {
        return session.refuse(SKIFF_E_INVALID, "cannot take a filter of \(filter.count) instructions: it has 1 to 4096")
    }
    let program = Array(UnsafeRawBufferPointer(start: instructions, count: Int(filter.count) * 8))
    session.draft?.attributes.filters.append(.init(program: program, cause: cause(filter.reason, session)))
    return SKIFF_OK
}

func setSysctl(
    _ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?,
    _ why: UnsafePointer<CChar>?
) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let name = text(name), let value = text(value), isSysctlName(name) else {
        return session.refuse(SKIFF_E_INVALID, "cannot set \(text(name) ?? ""): not the name of a sysctl, or no value")
    }
    session.draft?.attributes.sysctls.append(.init(name: name, value: value, cause: cause(why, session)))
    return SKIFF_OK
}

/// `PlanCheck` decides what may be set; this keeps slashes and dots from becoming a path.
private func isSysctlName(_ name: String) -> Bool {
    let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count > 1
        && parts.allSatisfy { part in
            !part.isEmpty
                && part.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
        }
}

func setHostname(_ pointer: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ why: UnsafePointer<CChar>?) -> Int32 {
    guard let session = Session.from(pointer, in: [.prepare]) else { return SKIFF_E_PHASE }
    // HOST_NAME_MAX of limits.h.
    guard let name = text(name), (1...64).contains(name.utf8.count) else {
        return session.refuse(SKIFF_E_INVALID, "cannot set a host name: it has 1 to 64 bytes")
    }
    if session.facts.request.hostname != nil { return SKIFF_DECLINED }
    if let other = session.draft?.hostname, other.name != name {
        return session.refuse(
            SKIFF_E_INVALID, "cannot set host name \(name): plugin \(other.cause.origin) has set \(other.name)")
    }
    session.draft?.namespaces.insert(.uts)
    session.draft?.hostname = (name, cause(why, session))
    session.draft?.notes.append(
        PlanNote("host name \(name): \(reason(why, session))", origin: session.plugin.manifest.id))
    return SKIFF_OK
}

func wrap(
    _ pointer: OpaquePointer?, _ words: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt64,
    _ why: UnsafePointer<CChar>?
) -> Int32 {
    guard let session = Session.from(pointer, in: whileOpen) else { return SKIFF_E_PHASE }
    guard let words, (1...4096).contains(count) else {
        return session.refuse(SKIFF_E_INVALID, "cannot wrap the program: 1 to 4096 words are needed")
    }
    let list = UnsafeBufferPointer(start: words, count: Int(count)).map { $0.map { text($0)?.bytes ?? [] } }
    guard !list.contains(nil), list.first??.first == UInt8(ascii: "/") else {
        return session.refuse(SKIFF_E_INVALID, "cannot wrap the program: the first word is an absolute path")
    }
    session.draft?.attributes.wrappers.append(.init(words: list.compactMap(\.self), cause: cause(why, session)))
    return SKIFF_OK
}
