import CLinux
import Core
import Linux
import Ownership

/// setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their families, as root knows them: `trusted.` attributes are
/// kept under names that root of a user namespace may use, and what skiff records is not seen. What is asked for in
/// vain goes to the kernel, which reports it.
struct AttributeCalls {
    let caller: Caller
    let credentials: Credentials
    let bounds: Bounds

    private enum Deed { case set, get, list, remove }
    /// How the call names its file.
    private enum Naming { case path, link, descriptor, start }

    /// - Returns: nil for a call of another kind.
    func answer() throws(Errno) -> Answer? {
        guard let (deed, naming) = request else { return nil }
        switch deed {
        case .set: return try set(naming)
        case .get: return try get(naming)
        case .list: return try list(naming)
        case .remove: return try remove(naming)
        }
    }

    private var request: (Deed, Naming)? {
        switch caller.entry.call {
        case .setxattr: (.set, .path)
        case .lsetxattr: (.set, .link)
        case .fsetxattr: (.set, .descriptor)
        case .setxattrat: (.set, .start)
        case .getxattr: (.get, .path)
        case .lgetxattr: (.get, .link)
        case .fgetxattr: (.get, .descriptor)
        case .getxattrat: (.get, .start)
        case .listxattr: (.list, .path)
        case .llistxattr: (.list, .link)
        case .flistxattr: (.list, .descriptor)
        case .listxattrat: (.list, .start)
        case .removexattr: (.remove, .path)
        case .lremovexattr: (.remove, .link)
        case .fremovexattr: (.remove, .descriptor)
        case .removexattrat: (.remove, .start)
        default: nil
        }
    }

    // MARK: the calls

    /// The kernel keeps `security.capability` by itself. No image keeps labels of security modules, so they are
    /// dropped.
    private func set(_ naming: Naming) throws(Errno) -> Answer {
        guard let name = name(naming) else { return .proceed }
        if isCapability(name) { return isRecord(name, naming) ? .done : .proceed }
        if name.starts(with: "security.".utf8) { return .done }
        guard let kept = RecordedOwner.keptName(of: name), try isRoot(),
            let (address, size, flags) = try buffer(naming), flags & ~Self.knownFlags == 0, size <= Self.limit
        else { return .proceed }
        let value = try caller.memory(at: address, count: Int(size))
        let file = try file(naming)
        guard bounds.keeps(file.raw) else { return .done }
        try check(name)
        do throws(Errno) {
            try setXattr(kept, value, flags: CInt(bitPattern: flags), ofOpen: file.raw)
        } catch .notPermitted {
            // No file but these two has `user.` attributes; xattr(7).
            let status = try status(of: file.raw)
            throw status.isRegular || status.isDirectory ? .notPermitted : .notSupported
        }
        return .done
    }

    private func get(_ naming: Naming) throws(Errno) -> Answer {
        guard let name = name(naming) else { return .proceed }
        if isRecord(name, naming) { throw .noData }
        guard let kept = RecordedOwner.keptName(of: name), try isRoot(),
            let (address, size, flags) = try buffer(naming), naming != .start || flags == 0
        else { return .proceed }
        let file = try file(naming)
        guard bounds.keeps(file.raw) else { return .proceed }
        try check(name)
        guard let value = try xattr(kept, ofOpen: file.raw) else { throw .noData }
        return try give(value, address, size)
    }

    private func list(_ naming: Naming) throws(Errno) -> Answer {
        guard let file = try? file(naming), bounds.keeps(file.raw), let names = try? xattrNames(ofOpen: file.raw)
        else { return .proceed }
        var shown: [[UInt8]] = []
        var isRoot: Bool?
        for name in names {
            if let name = RecordedOwner.trueName(of: name) {
                let answer = if let isRoot { isRoot } else { try self.isRoot() }
                isRoot = answer
                if answer { shown.append(name) }
            } else if !name.starts(with: RecordedOwner.prefix.utf8), !isRecord(name, on: file.raw) {
                shown.append(name)
            }
        }
        if shown == names { return .proceed }
        let first = naming == .start ? 3 : 1
        return try give(shown.flatMap { $0 + [0] }, caller.argument(first), caller.argument(first + 1))
    }

    private func remove(_ naming: Naming) throws(Errno) -> Answer {
        guard let name = name(naming) else { return .proceed }
        if isRecord(name, naming) { throw .noData }
        let isLabel = name.starts(with: "security.".utf8) && !isCapability(name)
        let kept = RecordedOwner.keptName(of: name)
        guard isLabel || kept != nil, try isRoot() else { return .proceed }
        let file = try file(naming)
        guard let kept, bounds.keeps(file.raw) else { throw .noData }
        try check(name)
        do throws(Errno) {
            try removeXattr(kept, ofOpen: file.raw)
        } catch .notPermitted {
            let status = try status(of: file.raw)
            throw status.isRegular || status.isDirectory ? .notPermitted : .noData
        }
        return .done
    }

    // MARK: rules

    private static let limit: UInt64 = 65536
    private static let knownFlags: UInt32 = 3

    private func isRoot() throws(Errno) -> Bool {
        guard credentials.has(Credentials.Capability.systemAdministration) else { return false }
        return try caller.isTrueRoot(with: Credentials.Capability.systemAdministration)
    }

    /// No attribute is called `trusted.` alone.
    private func check(_ name: [UInt8]) throws(Errno) {
        if name.elementsEqual("trusted.".utf8) { throw .invalidArgument }
    }

    private func isCapability(_ name: [UInt8]) -> Bool { name.elementsEqual(RecordedOwner.specialAttribute.utf8) }

    /// Whether the attribute is none that the container knows of, but the owner of a link, pipe or socket.
    private func isRecord(_ name: [UInt8], on file: CInt) -> Bool {
        guard isCapability(name), let status = try? status(of: file), !status.isRegular, !status.isDirectory else {
            return false
        }
        return (try? RecordedOwner.read(file)) != nil
    }

    private func isRecord(_ name: [UInt8], _ naming: Naming) -> Bool {
        guard isCapability(name), let file = try? file(naming) else { return false }
        return isRecord(name, on: file.raw)
    }

    /// Writes a value or list of names where the caller wants it; one that asks for no bytes is told how many there
    /// are.
    private func give(_ bytes: [UInt8], _ address: UInt64, _ size: UInt64) throws(Errno) -> Answer {
        if size != 0 {
            guard bytes.count <= size else { throw .range }
            try caller.write(bytes, to: address)
        }
        return .value(Int64(bytes.count))
    }

    // MARK: arguments

    /// Returns nil for a name that the kernel refuses.
    private func name(_ naming: Naming) -> [UInt8]? {
        guard let name = try? caller.text(naming == .start ? 3 : 1, limit: 256), !name.isEmpty else { return nil }
        return name
    }

    /// Returns address, size and flags of a value; nil for arguments that the kernel refuses.
    private func buffer(_ naming: Naming) throws(Errno) -> (UInt64, UInt64, UInt32)? {
        guard naming == .start else { return (caller.argument(2), caller.argument(3), caller.flags(4)) }
        // `struct xattr_args`: value, size, flags.
        guard caller.argument(5) == 16 else { return nil }
        let words = try caller.memory(at: caller.argument(4), count: 16)
        func number(_ range: Range<Int>) -> UInt64 { words[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        return (number(0..<8), number(8..<12), UInt32(truncatingIfNeeded: number(12..<16)))
    }

    private func file(_ naming: Naming) throws(Errno) -> OwnedFD {
        switch naming {
        case .path: return try caller.file(caller.text(0), at: AT_FDCWD, follow: true)
        case .link: return try caller.file(caller.text(0), at: AT_FDCWD, follow: false)
        case .descriptor: return try caller.openedFile(caller.int(0))
        case .start:
            let flags = caller.int(2)
            if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 { throw .invalidArgument }
            let mayBeEmpty = flags & AT_EMPTY_PATH != 0
            let path = mayBeEmpty && caller.argument(1) == 0 ? [] : try caller.text(1)
            guard path.isEmpty, mayBeEmpty else {
                return try caller.file(path, at: caller.int(0), follow: flags & AT_SYMLINK_NOFOLLOW == 0)
            }
            if caller.int(0) == AT_FDCWD { return try caller.file([0x2E], at: AT_FDCWD, follow: true) }
            return try caller.openedFile(caller.int(0))
        }
    }
}
