/// What describes an object to be added; Docs/spec/sif.md §10.
package struct SIFNewObject: Sendable, Equatable {
    package var type: SIFDataType
    /// 0 is "no group". Our own images have everything in group 1, signatures in none.
    package var group: UInt32
    package var link: SIFLink
    /// 128 bytes at most.
    package var name: [UInt8]
    package var extra: SIFExtra
    /// The offset in the file will be a multiple of it; below 2 means none. Nil asks for what the type needs.
    package var alignment: Int64?

    package init(
        _ type: SIFDataType, group: UInt32 = 1, link: SIFLink = .none, name: String = "", extra: SIFExtra = .none,
        alignment: Int64? = nil
    ) {
        self.type = type
        self.group = group
        self.link = link
        self.name = Array(name.utf8)
        self.extra = extra
        self.alignment = alignment
    }

    /// Returns a file system's partition: `.primarySystem` for the root.
    package static func partition(
        _ filesystem: SIFFilesystem, _ role: SIFPartitionRole, _ architecture: SIFArchitecture
    ) -> SIFNewObject {
        SIFNewObject(
            .partition, extra: .partition(.init(filesystem: filesystem, role: role, architecture: architecture)))
    }

    /// Partitions lie on pages, because the kernel and FUSE servers map them; everything else is packed.
    var effectiveAlignment: Int64 { alignment ?? (type == .partition ? SIFFormat.partitionAlignment : 1) }
}

/// How a new file is to look.
package struct SIFCreation: Sendable, Equatable {
    /// Slots of the table, which cannot grow.
    package var capacity = SIFFormat.defaultCapacity
    /// 31 bytes at most; empty for none.
    package var launchScript = SIFFormat.launchScript
    /// Nil UUID, no times: the same objects make the same file.
    package var isDeterministic = false
    /// Random if nil.
    package var identifier: SIFIdentifier?
    /// Now if nil; Unix seconds.
    package var time: Int64?

    package init() {}
}
