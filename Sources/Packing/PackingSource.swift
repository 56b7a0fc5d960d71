package import Base
package import Core
package import SquashfsWriter

/// A root file system that becomes the squashfs of an image.
package protocol PackingSource {
    /// The root, if it still lacks what every image has and what the image says about itself; nil for a complete one.
    var unfinished: (any UnfinishedRoot)? { get }

    /// Returns what the image says about itself, read from its files.
    func record() throws(SkiffError) -> InspectMetadata

    /// The processor that the image's programs are for; nil when there are none to tell.
    var architecture: SIFArchitecture? { get }

    /// The processor to assume for an image without programs, and where that is known from, for a message.
    var assumedArchitecture: (architecture: SIFArchitecture, source: String) { get }

    /// Called before the image is begun: throws when there can be no room for it.
    func prepare(for path: String, _ options: SquashfsOptions) throws(SkiffError)

    /// Writes the squashfs, and returns its length in bytes.
    func write(into output: SquashfsOutput, _ options: SquashfsOptions) throws(SkiffError) -> Int64
}

extension PackingSource {
    package var assumedArchitecture: (architecture: SIFArchitecture, source: String) { (.host, "native") }
    package func prepare(for path: String, _ options: SquashfsOptions) {}
}
