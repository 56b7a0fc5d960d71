import Core
import Linux

/// setuid(2) and its family, and what getuid(2) and its family report afterwards.
struct IdentityCalls {
    let caller: Caller
    let credentials: Credentials

    /// - Returns: nil for a call of another kind. It is up to the caller to put new credentials in force.
    func answer() throws(Errno) -> (Answer, Credentials)? {
        if let value = ownID { return (.value(Int64(value)), credentials) }
        switch caller.entry.call {
        case .getresuid: return (try write(credentials.user), credentials)
        case .getresgid: return (try write(credentials.group), credentials)
        case .getgroups: return (try writeGroups(), credentials)
        default: return try change()
        }
    }

    private var ownID: UInt32? {
        switch caller.entry.call {
        case .getuid: credentials.user.real
        case .geteuid: credentials.user.effective
        case .getgid: credentials.group.real
        case .getegid: credentials.group.effective
        default: nil
        }
    }

    private func change() throws(Errno) -> (Answer, Credentials)? {
        var new = credentials
        switch caller.entry.call {
        case .setuid: try new.setUID(caller.id(0))
        case .setgid: try new.setGID(caller.id(0))
        case .setreuid: try new.setREUID(caller.id(0), caller.id(1))
        case .setregid: try new.setREGID(caller.id(0), caller.id(1))
        case .setresuid: try new.setRESUID(caller.id(0), caller.id(1), caller.id(2))
        case .setresgid: try new.setRESGID(caller.id(0), caller.id(1), caller.id(2))
        case .setfsuid: return (.value(Int64(new.setFSUID(caller.id(0)))), new)
        case .setfsgid: return (.value(Int64(new.setFSGID(caller.id(0)))), new)
        case .setgroups: try new.setGroups(readGroups())
        case .capset: return (.proceed, try capabilities())
        case .prctl: return control()
        case .setrlimit: return (.done, credentials)
        case .prlimit: return (try limit(), credentials)
        case .restrict:
            // If the kernel refuses it, the process has lost some emulation and gained nothing.
            new.isRestricted = true
            return (.proceed, new)
        case .execve, .execveat:
            // If the file is not found, what exec would have taken away is gone too soon; no program was seen to mind.
            new.execute()
            return (.proceed, new)
        default: return nil
        }
        return (.done, new)
    }

    // MARK: memory

    private func write(_ ids: Credentials.IDs) throws(Errno) -> Answer {
        for (index, id) in [ids.real, ids.effective, ids.saved].enumerated() {
            try caller.write(bytes(of: id), to: caller.argument(index))
        }
        return .done
    }

    private func writeGroups() throws(Errno) -> Answer {
        let room = Int(caller.int(0))
        let count = credentials.groups.count
        if room < 0 || (room > 0 && room < count) { throw .invalidArgument }
        if room > 0 { try caller.write(credentials.groups.flatMap(bytes), to: caller.argument(1)) }
        return .value(Int64(count))
    }

    private var width: Int { caller.entry.isNarrow ? 2 : 4 }

    private func bytes(of id: UInt32) -> [UInt8] {
        // As the kernel shows an id that 16 bits cannot hold.
        let shown = width == 2 && id > 0xFFFF ? 65534 : id
        return (0..<width).map { UInt8(truncatingIfNeeded: shown >> ($0 * 8)) }
    }

    private func readGroups() throws(Errno) -> [UInt32] {
        let count = Int(caller.flags(0))
        // NGROUPS_MAX
        guard count <= 65536 else { throw .invalidArgument }
        let bytes = try caller.memory(1, count: count * width)
        return stride(from: 0, to: bytes.count, by: width).map { place in
            bytes[place..<place + width].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The kernel carries it out as well, on the true capabilities, which are at least these.
    private func capabilities() throws(Errno) -> Credentials {
        var new = credentials
        let header = try caller.memory(0, count: 8)
        let version = word(header, 0)
        // _LINUX_CAPABILITY_VERSION_1 has one word per set, 2 and 3 have two; anything else asks for the version.
        let words = version == 0x1998_0330 ? 1 : [0x2007_1026, 0x2008_0522].contains(version) ? 2 : 0
        if words == 0 || (word(header, 1) != 0 && word(header, 1) != UInt32(bitPattern: caller.thread)) { return new }
        let data = try caller.memory(1, count: words * 12)
        func set(_ index: Int) -> UInt64 {
            UInt64(word(data, index)) | (words == 2 ? UInt64(word(data, index + 3)) << 32 : 0)
        }
        // The kernel, too, drops bits that it has no capability for.
        let known = (UInt64(1) << 41) - 1
        try new.setCapabilities(effective: set(0) & known, permitted: set(1) & known)
        return new
    }

    private func word(_ bytes: [UInt8], _ index: Int) -> UInt32 {
        bytes[index * 4..<index * 4 + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Shows the limit that carries the credentials (`CredentialTable`) as the kernel's default, and lets nothing
    /// change it: pam_limits(8) sets all limits anew, in the middle of a change of user.
    private func limit() throws(Errno) -> Answer {
        if caller.argument(3) != 0 { try caller.write([UInt8](repeating: 0xFF, count: 16), to: caller.argument(3)) }
        return .done
    }

    /// PR_SET_KEEPCAPS is also carried out by the kernel; PR_SET_SECUREBITS is not, or the next exec would take root's
    /// powers away.
    private func control() -> (Answer, Credentials) {
        var new = credentials
        if caller.flags(0) == 8 {
            new.keepsCapabilities = caller.argument(1) != 0
            return (.proceed, new)
        }
        new.keepsCapabilities = caller.argument(1) & 1 << 4 != 0
        new.isUnfixed = caller.argument(1) & 1 << 2 != 0
        return (.done, new)
    }
}
