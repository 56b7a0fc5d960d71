import CLinux
import Linux
import TestSupport
import Testing

/// An ext image that a test uses as an overlay, in a directory of its own.
struct ImageOverlay {
    let profile: Profile
    let folder: String
    var image: String { folder + "/overlay.img" }

    /// - Parameters:
    ///   - owner: of what lies in the image; nil for the profile's user.
    ///   - type: of mke2fs.
    init(_ profile: Profile, owner: UInt32? = nil, type: String = "ext3", size: String = "64M") throws {
        try need(profile)
        try need(.fuse)
        try need(.overlay, .mke2fs)
        try need(profile.mounting)
        self.profile = profile
        folder = try WorkDirectory.make(for: profile)
        let id = owner ?? profile.record?.uid ?? 0
        let make =
            "truncate -s \(size) \(image) && mkdir -p \(folder)/s/upper \(folder)/s/work && "
            + "/sbin/mke2fs -q -t \(type) -E root_owner=\(id):\(id) -d \(folder)/s \(image)"
        try run(make)
        if let owner, owner != profile.record?.uid {
            for name in ["/upper", "/work"] {
                try run("/sbin/debugfs -w -R 'sif \(name) uid \(owner)' \(image) 2>/dev/null")
            }
        }
    }

    /// The image below the overlay.
    static func sif() throws -> String { try Images.shared.get().sif }

    /// Makes all commands of busybox known to a shell of an image that has no links for them.
    static let commands =
        "for c in chmod dd df ln mkdir mv rm rmdir seq tail; do eval \"$c() { /bin/busybox $c \\\"\\$@\\\"; }\"; done; "

    @discardableResult func run(_ script: String) throws -> Outcome {
        let outcome = try Command(["/bin/sh", "-c", script], as: profile).run()
        #expect(outcome.isSuccess, "\(outcome)")
        return outcome
    }

    func command(_ words: [String], flags: [String] = [], readOnly: Bool = false) throws -> Command {
        let image = try Self.sif()
        return try skiffCommand(
            ["exec", "--no-home", "--overlay", self.image + (readOnly ? ":ro" : "")] + flags + [image] + words,
            as: profile)
    }

    func sh(_ script: String, flags: [String] = [], readOnly: Bool = false) throws -> Outcome {
        try command(["sh", "-c", Self.commands + script], flags: flags, readOnly: readOnly).run()
    }

    /// Expects a file system without faults.
    func expectSound(_ note: String = "") throws {
        let checked = try Command(["/sbin/e2fsck", "-fn", image], as: profile).run()
        #expect(checked.isSuccess, "\(note) \(checked)")
    }
}
