import Base
import Core
import Linux
import PluginHost
import Squashfs

/// The plain bytes of an encrypted volume, for the squashfs reader above.
final class EncryptedSource: ByteSource {
    private let volume: ResumedVolume

    private init(_ volume: ResumedVolume) { self.volume = volume }

    /// Loads the plugin, then hides the process, and only then takes the key.
    static func open(
        _ encryption: EncryptedVolume, file: consuming OwnedFD, plugin: String,
        key: () throws(SkiffError) -> OwnedFD
    ) throws(SkiffError) -> EncryptedSource {
        let installation = try Installation.current()
        return EncryptedSource(
            try ResumedVolume.open(encryption, file: file, plugin: plugin, installation, key: key))
    }

    var size: UInt64 { volume.size }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int {
        try volume.read(into: buffer, at: offset)
    }
}
