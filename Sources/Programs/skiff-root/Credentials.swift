package import Core
package import Linux

/// Who a process believes it is: the ids and capabilities of credentials(7) and capabilities(7), with the rules of
/// setuid(2) and its family. A value: a child inherits an equal one.
package struct Credentials: Hashable, Sendable {
    /// Real, effective, saved and file system id.
    package struct IDs: Hashable, Sendable {
        package var real: UInt32
        package var effective: UInt32
        package var saved: UInt32
        package var file: UInt32

        package init(_ id: UInt32 = 0) { (real, effective, saved, file) = (id, id, id, id) }

        fileprivate func holds(_ id: UInt32) -> Bool { id == real || id == effective || id == saved }
        fileprivate var hasRoot: Bool { holds(0) }
    }

    package enum Capability {
        static let chown: UInt64 = 1 << 0
        static let setGID: UInt64 = 1 << 6
        static let setUID: UInt64 = 1 << 7
        static let systemAdministration: UInt64 = 1 << 21
        static let makeNodes: UInt64 = 1 << 27
    }

    package var user = IDs()
    package var group = IDs()
    package var groups: [UInt32] = [0]
    package var permitted = UInt64.max
    package var effective = UInt64.max
    package var keepsCapabilities = false
    /// SECBIT_NO_SETUID_FIXUP: capabilities do not follow the ids.
    package var isUnfixed = false
    /// Landlock binds the process, for good.
    package var isRestricted = false

    package static let root = Credentials()
    package static let unchanged = UInt32.max

    package func has(_ capability: UInt64) -> Bool { effective & capability != 0 }

    /// Whether new files belong to somebody other than root.
    package var makesForeignFiles: Bool { user.file != 0 || group.file != 0 }

    package func isIn(_ gid: UInt32) -> Bool { group.file == gid || groups.contains(gid) }
}

// MARK: as numbers, for `CredentialTable`

extension Credentials {
    /// Root that became a user of the image.
    package init(_ user: ProgramUser) {
        self.user = IDs(user.uid)
        group = IDs(user.gid)
        groups = user.groups
        if user.uid != 0 { (permitted, effective) = (0, 0) }
    }

    package var numbers: [UInt64] {
        let ids = [user, group].flatMap { [$0.real, $0.effective, $0.saved, $0.file] } + groups
        let flags = [keepsCapabilities, isUnfixed, isRestricted].reduce(0) { $0 << 1 | ($1 ? 1 : 0) } as UInt64
        return [permitted, effective, flags] + ids.map { UInt64($0) }
    }

    package init?(numbers: [UInt64]) {
        guard numbers.count >= 11 else { return nil }
        (permitted, effective) = (numbers[0], numbers[1])
        (keepsCapabilities, isUnfixed) = (numbers[2] & 4 != 0, numbers[2] & 2 != 0)
        isRestricted = numbers[2] & 1 != 0
        let ids = numbers[3...].map { UInt32(truncatingIfNeeded: $0) }
        func four(_ first: Int) -> IDs {
            var result = IDs()
            (result.real, result.effective) = (ids[first], ids[first + 1])
            (result.saved, result.file) = (ids[first + 2], ids[first + 3])
            return result
        }
        (user, group) = (four(0), four(4))
        groups = Array(ids[8...])
    }
}

// MARK: changes; each throws what the kernel answers

extension Credentials {
    package mutating func setUID(_ id: UInt32) throws(Errno) {
        let old = user
        try Self.set(id, &user, has(Capability.setUID))
        follow(old)
    }

    package mutating func setGID(_ id: UInt32) throws(Errno) { try Self.set(id, &group, has(Capability.setGID)) }

    package mutating func setREUID(_ real: UInt32, _ effective: UInt32) throws(Errno) {
        let old = user
        try Self.set(real, effective, &user, has(Capability.setUID))
        follow(old)
    }

    package mutating func setREGID(_ real: UInt32, _ effective: UInt32) throws(Errno) {
        try Self.set(real, effective, &group, has(Capability.setGID))
    }

    package mutating func setRESUID(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) {
        let old = user
        try Self.set(real, effective, saved, &user, has(Capability.setUID))
        follow(old)
    }

    package mutating func setRESGID(_ real: UInt32, _ effective: UInt32, _ saved: UInt32) throws(Errno) {
        try Self.set(real, effective, saved, &group, has(Capability.setGID))
    }

    /// - Returns: the previous id, whether it changed or not; setfsuid(2) has no other answer.
    package mutating func setFSUID(_ id: UInt32) -> UInt32 {
        Self.setFile(id, &user, has(Capability.setUID))
    }

    package mutating func setFSGID(_ id: UInt32) -> UInt32 {
        Self.setFile(id, &group, has(Capability.setGID))
    }

    package mutating func setGroups(_ new: [UInt32]) throws(Errno) {
        guard has(Capability.setGID) else { throw .notPermitted }
        groups = new
    }

    /// capset(2) of the calling process.
    package mutating func setCapabilities(effective new: UInt64, permitted allowed: UInt64) throws(Errno) {
        guard allowed & ~permitted == 0, new & ~allowed == 0 else { throw .notPermitted }
        (permitted, effective) = (allowed, new)
    }

    /// "Transformation of capabilities during execve()" without file and ambient capabilities; capabilities(7).
    package mutating func execute() {
        (user.saved, user.file) = (user.effective, user.effective)
        (group.saved, group.file) = (group.effective, group.effective)
        keepsCapabilities = false
        permitted = user.effective == 0 || user.real == 0 ? .max : 0
        effective = user.effective == 0 ? .max : 0
    }

    private static func set(_ id: UInt32, _ ids: inout IDs, _ isAllowed: Bool) throws(Errno) {
        guard id != unchanged else { throw .invalidArgument }
        if isAllowed {
            ids = IDs(id)
        } else {
            guard id == ids.real || id == ids.saved else { throw .notPermitted }
            (ids.effective, ids.file) = (id, id)
        }
    }

    private static func set(_ real: UInt32, _ effective: UInt32, _ ids: inout IDs, _ isAllowed: Bool) throws(Errno) {
        let old = ids
        if real != unchanged {
            guard isAllowed || real == old.real || real == old.effective else { throw .notPermitted }
        }
        if effective != unchanged { guard isAllowed || old.holds(effective) else { throw .notPermitted } }
        if real != unchanged { ids.real = real }
        if effective != unchanged { ids.effective = effective }
        if real != unchanged || (effective != unchanged && effective != old.real) { ids.saved = ids.effective }
        ids.file = ids.effective
    }

    private static func set(_ real: UInt32, _ effective: UInt32, _ saved: UInt32, _ ids: inout IDs, _ isAllowed: Bool)
        throws(Errno)
    {
        for id in [real, effective, saved] where id != unchanged {
            guard isAllowed || ids.holds(id) else { throw .notPermitted }
        }
        if real != unchanged { ids.real = real }
        if effective != unchanged { ids.effective = effective }
        if saved != unchanged { ids.saved = saved }
        ids.file = ids.effective
    }

    private static func setFile(_ id: UInt32, _ ids: inout IDs, _ isAllowed: Bool) -> UInt32 {
        let old = ids.file
        if id != unchanged && (isAllowed || ids.holds(id) || id == old) { ids.file = id }
        return old
    }

    /// "Effect of user ID changes on capabilities"; capabilities(7).
    private mutating func follow(_ old: IDs) {
        if isUnfixed { return }
        if old.hasRoot && !user.hasRoot && !keepsCapabilities { permitted = 0 }
        if old.effective == 0 && user.effective != 0 { effective = 0 }
        if old.effective != 0 && user.effective == 0 { effective = permitted }
        effective &= permitted
    }
}
