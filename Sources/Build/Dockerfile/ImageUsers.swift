import Base
import Dockerfile
import Linux
import Packing

/// The names of users and groups in an image: those of its own /etc/passwd and /etc/group.
struct ImageUsers {
    struct User: Equatable {
        var uid: UInt32
        var gid: UInt32
        var groups: [UInt32] = []
        var home = "/"
    }

    private let accounts: [[String]]
    private let groups: [[String]]

    init(_ root: RootTree) {
        self.init(passwd: root.read("/etc/passwd") ?? [], group: root.read("/etc/group") ?? [])
    }

    init(passwd: [UInt8], group: [UInt8]) {
        accounts = Self.lines(passwd, fields: 7)
        groups = Self.lines(group, fields: 4)
    }

    private static func lines(_ text: [UInt8], fields: Int) -> [[String]] {
        text.split(separator: 0x0A).map { line in
            line.split(separator: 0x3A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        }.filter { $0.count >= fields }
    }

    /// Returns the user of an instruction `USER`, as whom a program runs: `NAME` or `UID`, with `:GROUP` or `:GID`. Empty means
    /// root.
    ///
    /// - Returns: nil for root, who launches it.
    func user(_ text: String, at place: DockerfilePlace, in file: String) throws(SkiffError) -> User? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        if text.isEmpty || text == "root" || text == "0" { return nil }
        var user = User(uid: 0, gid: 0)
        if let account = accounts.first(where: { $0[0] == name }) ?? accounts.first(where: { $0[2] == name }) {
            user = User(uid: UInt32(account[2]) ?? 0, gid: UInt32(account[3]) ?? 0, home: account[5])
            let member = account[0]
            user.groups = groups.filter { $0[3].split(separator: ",").contains { $0 == member } }
                .compactMap { UInt32($0[2]) }
        } else if let uid = UInt32(name), uid != .max {
            user.uid = uid
        } else if !name.isEmpty {
            throw .step(
                "unable to find user \(name): the image's /etc/passwd does not have it", at: place, in: file)
        }
        if parts.count > 1, !parts[1].isEmpty {
            user.gid = try group(parts[1], at: place, in: file)
            user.groups = []
        }
        return user
    }

    /// Returns the owner that `--chown` names, or `USER` where it owns what is made. Without a group it is that of the user; a
    /// number stands for the group as well.
    func owner(_ text: String, at place: DockerfilePlace, in file: String) throws(SkiffError) -> (
        uid: UInt32, gid: UInt32
    ) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        var (uid, gid): (UInt32, UInt32) = (0, 0)
        if let number = UInt32(name), number != .max {
            (uid, gid) = (number, number)
        } else if let account = accounts.first(where: { $0[0] == name }) {
            (uid, gid) = (UInt32(account[2]) ?? 0, UInt32(account[3]) ?? 0)
        } else if !name.isEmpty && name != "root" {
            throw .step(
                "unable to find user \(name): the image's /etc/passwd does not have it", at: place, in: file)
        }
        if parts.count > 1, !parts[1].isEmpty { gid = try group(parts[1], at: place, in: file) }
        return (uid, gid)
    }

    private func group(_ name: String, at place: DockerfilePlace, in file: String) throws(SkiffError) -> UInt32 {
        if let group = groups.first(where: { $0[0] == name }), let gid = UInt32(group[2]) { return gid }
        if let gid = UInt32(name), gid != .max { return gid }
        if name == "root" { return 0 }
        throw .step(
            "unable to find group \(name): the image's /etc/group does not have it", at: place, in: file)
    }
}
