package import Base

/// Why an image does not verify. The texts are Apptainer's (Docs/spec/signing.md §7), which scripts read.
package enum VerificationError: Error, Sendable, CustomStringConvertible {
    case noGroups
    case groupNotFound
    case objectNotFound
    /// An object that no signature can cover.
    case ungroupedObject
    /// The image, or the part that was to be verified, is not signed.
    case signatureNotFound(VerificationTask)
    case formatNotRecognized
    /// No keys of the kind that the signature needs were given.
    case keyMaterialMissing(String)
    case signatureNotValid(UInt32, reason: String)
    /// The descriptor names another key than the one that signed.
    case fingerprintMismatch
    case objectNotSigned(UInt32)
    case signedObjectNotFound(UInt32)
    case header
    case descriptor(UInt32)
    case object(UInt32)
    /// All signatures are good, but some that were demanded are missing.
    case notSignedByRequired
    /// A file, a keyring or a library that cannot be used.
    case notChecked(SkiffError)

    package var description: String {
        switch self {
        case .notSignedByRequired: "image not signed by required entities"
        case .notChecked(let error): error.description
        default: "integrity: " + reason
        }
    }

    private var reason: String {
        switch self {
        case .noGroups: "no groups found"
        case .groupNotFound: "group not found"
        case .objectNotFound: "object not found"
        case .ungroupedObject: "non-signature object not associated with object group"
        case .signatureNotFound(.group(let number)): "signature not found for object group \(number)"
        case .signatureNotFound(.object(let id)): "signature not found for object \(id)"
        case .formatNotRecognized: "signature format not recognized"
        case .keyMaterialMissing(let kind): "key material not provided for \(kind) signature"
        case .signatureNotValid(let id, let reason): "signature object \(id) not valid: \(reason)"
        case .fingerprintMismatch: "fingerprint in descriptor does not correspond to signing entity"
        case .objectNotSigned(let id): "object \(id): object not signed"
        case .signedObjectNotFound(let id): "object \(id): signed object not found"
        case .header: "header integrity compromised"
        case .descriptor(let id): "data object descriptor integrity compromised: \(id)"
        case .object(let id): "data object integrity compromised: \(id)"
        case .notSignedByRequired, .notChecked: ""
        }
    }

    /// Runs `body`, whose failure says nothing about signatures.
    package static func checked<Result: ~Copyable>(_ body: () throws(SkiffError) -> Result) throws(VerificationError)
        -> Result
    {
        do throws(SkiffError) {
            return try body()
        } catch {
            throw .notChecked(error)
        }
    }

    /// The error of a command.
    package func described(_ message: String) -> SkiffError {
        guard case .notChecked(let error) = self else { return SkiffError("\(message): \(description)") }
        return SkiffError("\(message): \(error.message)", errno: error.errno, hint: error.hint)
    }
}

/// What is to be verified: all objects of a group together, or one object by itself.
package enum VerificationTask: Sendable, Equatable {
    case group(UInt32)
    case object(UInt32)
}
