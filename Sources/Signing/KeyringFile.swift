package import Base
import Core
import Linux
import Synchronization

/// A file of public keys, one transferable key after another (Docs/spec/signing.md §9). One that does not exist is
/// empty.
package final class KeyringFile: KeySource {
    package let path: String
    package let origin: KeyOrigin
    private var known: PublicKeys?

    package init(_ path: String, _ origin: KeyOrigin) { (self.path, self.origin) = (path, origin) }

    /// Returns the keyring of the user. It is the same as Apptainer's.
    package static func ofUser() -> KeyringFile { KeyringFile(KeyDirectory.path + "/pgp-public", .local) }

    /// Returns the keyring of the administrator, which is asked before those of users.
    package static func ofInstallation(_ installation: Installation) -> KeyringFile {
        KeyringFile(installation.configurationDirectory + "/global-pgp-public", .global)
    }

    private static let longest = 256 << 20

    package func key(_ keyID: String) throws(SkiffError) -> PublicKeys? {
        let all = try load()
        do throws(SkiffError) {
            return try all.only(keyID)
        } catch {
            throw unreadable(error)
        }
    }

    private func unreadable(_ error: SkiffError) -> SkiffError {
        SkiffError("cannot read keyring \(path): \(error.message)", hint: error.hint)
    }

    private func load() throws(SkiffError) -> PublicKeys {
        if let known { return known }
        let place: ConfigurationFile.Place = origin == .global ? .administrator : .user
        let bytes = try ConfigurationFile(path, place, name: "keyring").read(limit: Self.longest) ?? []
        let keys: PublicKeys
        do throws(SkiffError) {
            keys = try PublicKeys(bytes)
        } catch {
            throw unreadable(error)
        }
        known = keys
        return keys
    }
}

/// The user's directory of keys: `APPTAINER_KEYSDIR`, SingularityCE's variable for it, else `~/.apptainer/keys`.
package enum KeyDirectory {
    package static var path: String {
        settingVariable("KEYSDIR") ?? environmentValue("SINGULARITY_SYPGPDIR").flatMap { $0.isEmpty ? nil : $0 }
            ?? ConfigurationDirectory.path + "/keys"
    }
}
