import CLinux

/// The lookup of a `TreePath` one component at a time, for kernels without openat2(2) and for paths too long for it.
///
/// Each component is opened with O_PATH | O_NOFOLLOW. Links are read and put in place of their name here, so the kernel
/// never follows one. `..` is never given to the kernel either: it would lead out of the tree from a directory that
/// somebody moves out during the walk. The way from the top is kept as names instead and walked again, so that only one
/// descriptor is held, not one per level.
struct TreeWalk: ~Copyable {
    private let root: CInt
    private let lookup: TreeLookup
    /// Where the walk is.
    private var current: OwnedFD
    /// The names that lead from the top to `current`. None of them was a link.
    private var resolved: [[UInt8]] = []
    /// What is left, the next component last.
    private var rest: [[UInt8]] = []
    /// As many as the kernel follows; path_resolution(7).
    private var linksLeft = 40

    init(root: CInt, lookup: TreeLookup) throws(Errno) {
        let names = try Self.names(lookup.path.bytes)
        let top = try Self.openDot(root)
        (self.root, self.lookup, rest) = (root, lookup, names)
        current = top
    }

    mutating func run() throws(Errno) -> OwnedFD {
        while let name = rest.popLast() {
            if name == [ASCII.dot] { continue }
            if name == [ASCII.dot, ASCII.dot] {
                try goUp()
                continue
            }
            if let opened = try step(name) { return opened }
        }
        return try openEntry([ASCII.dot])
    }

    private static func openDot(_ directory: CInt) throws(Errno) -> OwnedFD {
        let flags = OpenFlags([.pathOnly, .directory]).value
        return OwnedFD(adopting: try checked { skl_openat(directory, ".", flags, 0) })
    }

    /// The components of a path, the first one last.
    private static func names(_ path: [UInt8]) throws(Errno) -> [[UInt8]] {
        if path.contains(ASCII.null) { throw .invalidArgument }
        var names = path.split(separator: ASCII.slash).map { Array($0) }
        // A path that ends with a slash must lead to a directory.
        if path.last == ASCII.slash { names.append([ASCII.dot]) }
        return names.reversed()
    }

    private mutating func goToTop() throws(Errno) {
        if resolved.isEmpty { return }
        current = try Self.openDot(root)
        resolved = []
    }

    private mutating func goUp() throws(Errno) {
        let names = resolved.dropLast()
        try goToTop()
        for name in names { enter(name, try open(name, [.pathOnly, .directory])) }
    }

    private mutating func enter(_ name: [UInt8], _ directory: consuming OwnedFD) {
        current = consume directory
        resolved.append(name)
    }

    /// Takes one component.
    /// - Returns: what the path leads to, if this was its last component.
    private mutating func step(_ name: [UInt8]) throws(Errno) -> OwnedFD? {
        let isLast = rest.isEmpty
        let found: OwnedFD
        do throws(Errno) {
            found = try open(name, .pathOnly)
        } catch {
            guard error == .noSuchFile, isLast, lookup.flags.contains(.create) else { throw error }
            return try openEntry(name)
        }
        let kind = try status(of: found.raw)
        if kind.isSymlink, !(isLast && isLastKept) {
            try follow(found.raw)
            return nil
        }
        guard isLast else {
            guard kind.isDirectory else { throw .notDirectory }
            enter(name, found)
            return nil
        }
        guard lookup.flags.contains(.pathOnly) else { return try openLast(name) }
        if lookup.flags.contains(.directory), !kind.isDirectory { throw .notDirectory }
        return found
    }

    /// Whether the last name is not followed. A name that is to be created never is; open(2), O_EXCL.
    private var isLastKept: Bool {
        if lookup.links == .refused { return false }
        return lookup.links == .lastKept || lookup.flags.contains(.noFollow)
            || lookup.flags.isSuperset(of: [.create, .exclusive])
    }

    private mutating func follow(_ link: CInt) throws(Errno) {
        linksLeft -= 1
        guard lookup.links != .refused, linksLeft >= 0 else { throw .tooManySymlinks }
        let text = try readLink(ofOpen: link)
        if text.isEmpty { throw .noSuchFile }
        if isMagic(text), try filesystemType(of: link) == Self.procMagic { throw .tooManySymlinks }
        if text.first == ASCII.slash { try goToTop() }
        rest += try Self.names(text)
    }

    /// PROC_SUPER_MAGIC of linux/magic.h.
    private static let procMagic: UInt64 = 0x9FA0

    /// On procfs ordinary links are relative (`self`, `mounts`, `net`); a magic one has an absolute path,
    /// `(unreachable)/path` or `type:[number]`.
    private func isMagic(_ text: [UInt8]) -> Bool {
        text.first == ASCII.slash || text.first == UInt8(ascii: "(") || text.contains(ASCII.colon)
    }

    /// Opens the last component, which was no link a moment ago. If it has become one since, the walk goes on with it.
    private mutating func openLast(_ name: [UInt8]) throws(Errno) -> OwnedFD? {
        do throws(Errno) {
            return try openEntry(name)
        } catch .tooManySymlinks where !isLastKept && lookup.links == .followed && linksLeft > 0 {
            linksLeft -= 1
            rest.append(name)
            return nil
        }
    }

    private func openEntry(_ name: [UInt8]) throws(Errno) -> OwnedFD {
        try open(name, lookup.flags, mode: lookup.mode)
    }

    private func open(_ name: [UInt8], _ flags: OpenFlags, mode: mode_t = 0) throws(Errno) -> OwnedFD {
        let (directory, value) = (current.raw, flags.union(.noFollow).value)
        return OwnedFD(adopting: try checked(name) { skl_openat(directory, $0, value, mode) })
    }
}
