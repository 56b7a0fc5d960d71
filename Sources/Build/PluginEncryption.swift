package import Base
package import Core
import Linux
package import Packing
package import PluginHost
import Squashfs
import SquashfsWriter

/// `--encrypt`: a plugin encrypts the root file system of the image.
package struct PluginEncryption: RootEncryption {
    private let volumes: VolumeEncryption

    /// - Parameters:
    ///   - filesystem: what the partition is to be: LUKS2, or gocryptfs.
    ///   - source: where the key comes from.
    ///   - base: where that of encrypted images comes from which the build starts from; nil for the same.
    package init(
        _ filesystem: SIFFilesystem, _ source: KeySource, base: KeySource?, _ settings: Settings,
        _ installation: Installation
    ) throws(SkiffError) {
        // Other libraries have used libcrypto in this process: its keys lie where all memory does. What the steps of the build leave in
        // core files would be plain as well.
        leaveMemoryOutOfCores()
        volumes = try VolumeEncryption(filesystem, source, base: base, settings, installation)
    }

    /// Opens an encrypted image, which is lent, and hides this process as long as the volume is open.
    func openBase(_ volume: EncryptedVolume, of path: String, file: CInt) throws(SkiffError) -> DecryptedBase {
        DecryptedBase(volume: try volumes.open(volume, of: path, file: file))
    }

    package var filesystem: SIFFilesystem { volumes.filesystem }

    package func prepare() throws(SkiffError) { try volumes.prepare() }

    package func begin(file: CInt, offset: Int64, path: String) throws(SkiffError) -> any EncryptedRoot {
        // From here on keys are in the memory of libraries, too: no core file, and nobody looks into it.
        try during("cannot hide the memory of the process") { () throws(Errno) in try setDumpable(false) }
        return try volumes.begin(file: file, offset: offset, path: path)
    }
}

/// The squashfs in an encrypted image.
struct DecryptedBase: ByteSource {
    fileprivate let volume: ResumedVolume

    var size: UInt64 { volume.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        try volume.read(into: buffer, at: offset)
    }

    /// Wipes the keys.
    func close() {
        volume.close()
        try? setDumpable(true)
    }
}

extension WrittenVolume: EncryptedRoot {}
