package import Base
package import Core
package import SquashfsWriter

/// Encrypts the root file system of an image while that is packed.
package protocol RootEncryption: Sendable {
    /// What the partition is to be.
    var filesystem: SIFFilesystem { get }

    /// Obtains the key and everything else that can fail before any work is done. Called once, and in the process that packs.
    func prepare() throws(SkiffError)

    /// Begins a volume in an open file, which is lent.
    ///
    /// - Parameter path: of the file, for messages.
    func begin(file: CInt, offset: Int64, path: String) throws(SkiffError) -> any EncryptedRoot
}

/// A volume that is being written. One of `finish` and `abandon` is called.
package protocol EncryptedRoot: SquashfsVolume {
    /// The key of the volume, wrapped by the public key of whoever is to open it: PEM text. Nil for a passphrase.
    var message: [UInt8]? { get }

    /// Completes the volume, of which `plainSize` bytes were written.
    /// - Returns: how many bytes it takes in the file.
    func finish(plainSize: Int64) throws(SkiffError) -> Int64

    func abandon()
}
