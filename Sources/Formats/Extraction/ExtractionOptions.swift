package import Linux
package import Ownership

/// What an extraction takes over from an image, besides content, permissions, times and hard links.
package struct ExtractionOptions {
    package enum Xattrs: Sendable { case none, user, all }
    /// Owners, which takes CAP_CHOWN over all of them.
    package var owners: Bool
    /// Device nodes, which takes CAP_MKNOD in the first user namespace. Pipes and sockets are always made.
    package var devices: Bool
    package var xattrs: Xattrs
    /// What is kept as records on the files (`RecordedOwner`), for root of a user namespace, whatever the three above say.
    package var records: RecordKeeping
    /// Called after every piece with the number of bytes of content written so far.
    package var watch: ((Int64) -> Void)?

    package init(
        owners: Bool = false, devices: Bool = false, xattrs: Xattrs = .user, records: RecordKeeping = .nothing
    ) {
        (self.owners, self.devices, self.xattrs, self.records) = (owners, devices, xattrs, records)
    }
}

/// What an extraction did and what it left out; paths are relative to the root.
package struct ExtractionReport: Sendable {
    package internal(set) var files = 0
    /// Devices that were not asked for or not permitted.
    package internal(set) var devicesLeftOut: [[UInt8]] = []
    /// How many extended attributes the target's file system or the kernel refused.
    package internal(set) var xattrsLeftOut = 0
}

/// An extraction that stopped at `path` because the target could not be written or the image could not be read.
package struct ExtractionError: Error, Sendable {
    package enum Reason: Sendable, Equatable {
        case write(Errno)
        /// What is wrong with the image.
        case image(String)
    }
    package let path: [UInt8]
    package let reason: Reason

    package init(path: [UInt8], reason: Reason) { (self.path, self.reason) = (path, reason) }
}
