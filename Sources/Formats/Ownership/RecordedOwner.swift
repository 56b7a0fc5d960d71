package import Linux

/// The owner of a file in the image, and the device that it is, where the file itself cannot have them: in a user
/// namespace with one id every file belongs to that id, and nobody can make device nodes. See Docs/root-emulation.md.
///
/// The record lies on the inode, so that it follows renames, hard links and the copy-up of an overlay, and is removed
/// with the file. A file without a record belongs to root.
///
/// A device node is an empty regular file whose record names the device; its permissions are the file's own.
package struct RecordedOwner: Sendable, Equatable {
    package enum Device: Sendable, Equatable {
        case block(major: UInt32, minor: UInt32)
        case character(major: UInt32, minor: UInt32)
    }

    package var uid: UInt32
    package var gid: UInt32
    package var device: Device?

    package init(uid: UInt32, gid: UInt32, device: Device? = nil) {
        (self.uid, self.gid, self.device) = (uid, gid, device)
    }

    /// The owner of a file without a record.
    package static let root = RecordedOwner(uid: 0, gid: 0)

    /// The attribute of a regular file or directory.
    package static let attribute = "user.skiff.owner"
    /// The attribute of everything else: the kernel lets a user namespace's root set this one on a symbolic link, pipe
    /// or socket, where it has no meaning, but no `user.` attribute; xattr(7).
    package static let specialAttribute = "security.capability"
    /// The attributes of skiff; none of them reaches an image.
    package static let prefix = "user.skiff."
    /// The prefix under which a `trusted.` attribute is kept, which only real root may set.
    package static let trustedPrefix = "user.skiff.xattr."
}

// MARK: on files

extension RecordedOwner {
    /// Records the owner of a file.
    package func write(_ file: AttributeTarget) throws(Errno) {
        let kind = try file.status()
        let attribute = Self.attribute(for: kind)
        guard self != .root else {
            return try Self.ignoringAbsence { () throws(Errno) in try file.removeXattr(attribute) }
        }
        try file.setXattr(attribute, value(for: kind))
    }

    package func write(_ name: EntryName, at directory: CInt) throws(Errno) { try write(.name(name, in: directory)) }
    package func write(_ file: CInt) throws(Errno) { try write(.open(file)) }

    /// - Returns: nil where nothing is recorded, or nothing that skiff wrote.
    package static func read(_ file: AttributeTarget) throws(Errno) -> RecordedOwner? {
        let kind = try file.status()
        let value = try file.xattr(attribute(for: kind))
        return value.flatMap { RecordedOwner($0, isSpecial: isSpecial(kind)) }
    }

    package static func read(_ name: EntryName, at directory: CInt) throws(Errno) -> RecordedOwner? {
        try read(.name(name, in: directory))
    }

    package static func read(_ file: CInt) throws(Errno) -> RecordedOwner? { try read(.open(file)) }

    private static func isSpecial(_ kind: FileStatus) -> Bool { !kind.isRegular && !kind.isDirectory }

    private static func attribute(for kind: FileStatus) -> [UInt8] {
        Array((isSpecial(kind) ? specialAttribute : attribute).utf8)
    }

    private func value(for kind: FileStatus) -> [UInt8] { Self.isSpecial(kind) ? specialValue : text }

    private static func ignoringAbsence(_ body: () throws(Errno) -> Void) throws(Errno) {
        do throws(Errno) {
            try body()
        } catch {
            if error != .noData && error != .notSupported { throw error }
        }
    }
}

// MARK: as bytes

extension RecordedOwner {
    /// `UID:GID`, and for a device `:b:MAJOR:MINOR` or `:c:MAJOR:MINOR`; decimal numbers.
    package var text: [UInt8] {
        var text = "\(uid):\(gid)"
        switch device {
        case .block(let major, let minor)?: text += ":b:\(major):\(minor)"
        case .character(let major, let minor)?: text += ":c:\(major):\(minor)"
        case nil: break
        }
        return Array(text.utf8)
    }

    /// A `struct vfs_cap_data` (linux/capability.h) of revision 2: the owner in the first halves of its two sets, a
    /// mark in the second. The kernel keeps it in revision 3, with the root of the namespace at its end.
    package var specialValue: [UInt8] {
        [0x0200_0000, uid, gid, Self.mark, Self.mark].flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: UInt32(word) >> ($0 * 8)) }
        }
    }

    private static let mark: UInt32 = 0x534B_4F57

    /// - Parameter isSpecial: whether the value comes from `specialAttribute`.
    package init?(_ value: [UInt8], isSpecial: Bool) {
        if isSpecial { self.init(special: value) } else { self.init(text: value) }
    }

    private init?(text: [UInt8]) {
        let fields = text.split(separator: 0x3A, omittingEmptySubsequences: false)
        func number(_ index: Int) -> UInt32? {
            guard fields.indices.contains(index), (1...10).contains(fields[index].count) else { return nil }
            var sum: UInt64 = 0
            for byte in fields[index] {
                guard (0x30...0x39).contains(byte) else { return nil }
                sum = sum * 10 + UInt64(byte - 0x30)
            }
            return UInt32(exactly: sum)
        }
        guard fields.count == 2 || fields.count == 5, let uid = number(0), let gid = number(1) else { return nil }
        self.init(uid: uid, gid: gid)
        guard fields.count == 5 else { return }
        guard let major = number(3), let minor = number(4) else { return nil }
        switch Array(fields[2]) {
        case [0x62]: device = .block(major: major, minor: minor)
        case [0x63]: device = .character(major: major, minor: minor)
        default: return nil
        }
    }

    private init?(special value: [UInt8]) {
        guard value.count == 20 || value.count == 24 else { return nil }
        func word(_ index: Int) -> UInt32 {
            value[index * 4..<index * 4 + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard word(3) == Self.mark, word(4) == Self.mark else { return nil }
        self.init(uid: word(1), gid: word(2))
    }
}
