import PluginAPI

/// A change of a SIF file by a command of the plugin; `skiff/host/image-edit.h`.
public struct ImageEdit {
    /// An object of the file.
    public struct Section: Sendable, Equatable {
        public let id: UInt32
        public let group: UInt32
        /// The SIF data type, such as `.partition`.
        public let type: UInt32
        public let offset: Int64
        public let size: Int64
        /// Of a partition.
        public let filesystem: UInt32
        /// Of a partition.
        public let role: UInt32
        /// The number of the object that this one is about; 0 for none.
        public let link: UInt32
        public let name: String

        public static let partition: UInt32 = 0x4004
        public static let signature: UInt32 = 0x4005
    }

    /// A partition to be added.
    public struct NewPartition: Sendable {
        public var group: UInt32
        public var filesystem: UInt32
        public var role: UInt32
        public var size: Int64

        public init(group: UInt32, filesystem: UInt32, role: UInt32, size: Int64) {
            (self.group, self.filesystem, self.role, self.size) = (group, filesystem, role, size)
        }
    }

    /// A secret that a public key has wrapped, to be added: PEM, RSA-OAEP.
    public struct NewMessage: Sendable {
        /// The number of the partition that it belongs to.
        public var link: UInt32
        /// At most 128 bytes.
        public var name: String
        public var size: Int64

        public init(link: UInt32, name: String, size: Int64) { (self.link, self.name, self.size) = (link, name, size) }
    }

    /// Where the bytes of an object go: zeros, in an open file.
    public struct Place: Sendable {
        public let descriptor: Int32
        public let offset: Int64
        public let size: Int64
        public var end: Int64 { offset + size }
    }

    private let session: Session
    private let table: skiff_host_image_edit
    private let number: UInt64

    init?(_ session: Session, _ table: skiff_host_image_edit, _ path: String, isReadOnly: Bool) throws(PluginError) {
        var number: UInt64 = 0
        let status = path.withTerminatedBytes {
            table.open?(session.pointer, $0, isReadOnly ? UInt32(SKIFF_EDIT_READ_ONLY) : 0, &number)
        }
        if status == SKIFF_DECLINED { return nil }
        try session.check(status)
        (self.session, self.table, self.number) = (session, table, number)
    }

    /// Returns the objects, as the edit leaves them.
    public func sections() throws(PluginError) -> [Section] {
        var count: UInt32 = 0
        try session.check(table.section_count?(session.pointer, number, &count))
        var result: [Section] = []
        for index in 0..<count {
            var section = skiff_section()
            section.struct_size = UInt32(MemoryLayout<skiff_section>.size)
            try session.check(table.section?(session.pointer, number, index, &section))
            result.append(
                Section(
                    id: section.id, group: section.group, type: section.type, offset: Int64(clamping: section.offset),
                    size: Int64(clamping: section.size), filesystem: section.filesystem, role: section.role,
                    link: section.link, name: withUnsafeBytes(of: section.name) { String(bytes: $0.prefix { $0 != 0 }) }
                ))
        }
        return result
    }

    /// Returns the open file, lent.
    public func descriptor() throws(PluginError) -> Int32 {
        var result: Int32 = -1
        try session.check(table.descriptor?(session.pointer, number, &result))
        return result
    }

    /// Adds a partition.
    ///
    /// - Parameter fill: writes its bytes.
    /// - Returns: its number.
    public func append(_ partition: NewPartition, _ fill: (Place) throws(PluginError) -> Void) throws(PluginError)
        -> UInt32
    {
        var object = skiff_new_section()
        object.struct_size = UInt32(MemoryLayout<skiff_new_section>.size)
        (object.type, object.group) = (Section.partition, partition.group)
        (object.filesystem, object.role) = (partition.filesystem, partition.role)
        object.size = UInt64(clamping: partition.size)
        var id: UInt32 = 0
        let (slot, session, number) = (table.append, session, number)
        try filling(fill) { function, context in
            slot?(session.pointer, number, &object, function, context, &id)
        }
        return id
    }

    /// Adds the wrapped secret of an encrypted partition, in the group of the image's own objects.
    public func append(_ message: NewMessage, _ fill: (Place) throws(PluginError) -> Void) throws(PluginError) -> UInt32
    {
        var object = skiff_new_section()
        object.struct_size = UInt32(MemoryLayout<skiff_new_section>.size)
        (object.type, object.group, object.link) = (0x4008, 1, message.link)
        object.size = UInt64(clamping: message.size)
        var id: UInt32 = 0
        let (slot, session, number) = (table.append, session, number)
        try filling(fill) { function, context in
            message.name.withTerminatedBytes { name in
                object.name = name
                return slot?(session.pointer, number, &object, function, context, &id)
            }
        }
        return id
    }

    /// Gives an object other bytes. What it has now can be read at its place meanwhile.
    public func replace(_ id: UInt32, size: Int64, _ fill: (Place) throws(PluginError) -> Void) throws(PluginError) {
        let (slot, session, number) = (table.replace, session, number)
        try filling(fill) { function, context in
            slot?(session.pointer, number, id, UInt64(clamping: size), function, context)
        }
    }

    /// Changes the size of the object that lies last.
    public func resize(_ id: UInt32, size: Int64) throws(PluginError) {
        try session.check(table.resize?(session.pointer, number, id, UInt64(clamping: size)))
    }

    public func remove(_ id: UInt32) throws(PluginError) {
        try session.check(table.remove?(session.pointer, number, id))
    }

    /// Makes the changes seen.
    public func commit() throws(PluginError) { try session.check(table.commit?(session.pointer, number)) }

    /// Ends the edit; what was not committed is taken back.
    public func close() { _ = table.close?(session.pointer, number) }

    /// What the C function of `fill` needs, and what it brings back.
    private struct Filling {
        let body: (Place) throws(PluginError) -> Void
        var failure: PluginError?
    }

    private func filling(
        _ body: (Place) throws(PluginError) -> Void,
        _ call: (
            @escaping @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<skiff_edit_place>?) -> Int32,
            UnsafeMutableRawPointer
        ) -> Int32?
    ) throws(PluginError) {
        var failure: PluginError?
        let status: Int32? = withoutActuallyEscaping(body) { body in
            var filling = Filling(body: body)
            defer { failure = filling.failure }
            return withUnsafeMutablePointer(to: &filling) { place in
                call(
                    { context, given in
                        guard let given, let filling = context?.assumingMemoryBound(to: Filling.self) else {
                            return SKIFF_E_INVALID
                        }
                        let place = Place(
                            descriptor: given.pointee.fd, offset: Int64(clamping: given.pointee.offset),
                            size: Int64(clamping: given.pointee.size))
                        do throws(PluginError) {
                            try filling.pointee.body(place)
                            return SKIFF_OK
                        } catch {
                            filling.pointee.failure = error
                            return error.status
                        }
                    }, UnsafeMutableRawPointer(place))
            }
        }
        if let failure { throw failure }
        try session.check(status)
    }
}

extension Session {
    /// Opens a SIF file for a change, and waits until nobody else changes it.
    ///
    /// - Returns: nil for a file of another kind.
    public func edit(_ path: String, isReadOnly: Bool = false) throws(PluginError) -> ImageEdit? {
        try ImageEdit(self, try table(SKIFF_HOST_IMAGE_EDIT, skiff_host_image_edit.self), path, isReadOnly: isReadOnly)
    }
}
