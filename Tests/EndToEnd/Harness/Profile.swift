import CLinux
import Linux
import TestSupport
import Testing

/// The user who types the command.
enum Profile: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case root, user

    var testDescription: String { rawValue }

    /// The user who runs the suite.
    static var current: Profile { effectiveUID() == 0 ? .root : .user }

    /// What a host must have to run commands as this profile.
    var facility: Facility { self == .root ? .root : .user }

    /// What mounting an image needs: root's are mounted by the kernel, a user's by the image server.
    var mounting: Facility { self == .root ? .loop : .fuse }

    /// The identity that the profile's commands get.
    var record: UserRecord? {
        guard self == .root else { return OrdinaryUser.record }
        return effectiveUID() == 0 ? userRecord(uid: 0) : nil
    }

    /// Words in front of a command that change to the profile's identity.
    var switching: [String] { self == .root ? [] : OrdinaryUser.switching }
}

/// Skips the running case when commands cannot run as the profile's user.
func need(_ profile: Profile) throws { try need(profile.facility) }
