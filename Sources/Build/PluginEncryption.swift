package import Base
package import Core
import Linux
package import Packing
package import PluginHost
import SquashfsWriter

/// `--encrypt`: a plugin encrypts the root file system of the image.
package struct PluginEncryption: RootEncryption {
    private let volumes: VolumeEncryption

    /// - Parameters:
    ///   - filesystem: what the partition is to be: LUKS2, or gocryptfs.
    ///   - source: where the key comes from.
    package init(
        _ filesystem: SIFFilesystem, _ source: KeySource, _ settings: Settings, _ installation: Installation
    ) throws(SkiffError) {
        volumes = try VolumeEncryption(filesystem, source, settings, installation)
    }

    package var filesystem: SIFFilesystem { volumes.filesystem }

    package func prepare() throws(SkiffError) { try volumes.prepare() }

    package func begin(file: CInt, offset: Int64, path: String) throws(SkiffError) -> any EncryptedRoot {
        // From here on keys are in the memory of libraries, too: no core file, and nobody looks into it.
        try during("cannot hide the memory of the process") { () throws(Errno) in try setDumpable(false) }
        return try volumes.begin(file: file, offset: offset, path: path)
    }
}

extension WrittenVolume: EncryptedRoot {}
