import Linux

/// /etc/passwd and /etc/group of the container, made from the image's own (Docs/spec/runtime.md §2.5).
enum IdentityFiles {
    /// Returns the image's lines with the caller's name, gecos and home put into the first line of the same uid (for
    /// root only the home), or with a line for the caller added at the end.
    static func passwd(image: [UInt8], user: UserRecord) -> [UInt8] {
        var lines = image.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        var found = false
        for index in lines.indices where !found {
            var fields = lines[index].split(separator: 0x3A, omittingEmptySubsequences: false).map(Array.init)
            guard fields.count >= 7, fields[2] == Array(String(user.uid).utf8) else { continue }
            found = true
            if user.uid != 0 {
                fields[0] = user.name.bytes
                fields[4] = user.gecos.bytes
            }
            fields[5] = user.home.bytes
            lines[index] = Array(fields.joined(separator: [0x3A]))
        }
        if !found {
            let line = "\(user.name):x:\(user.uid):\(user.gid):\(user.gecos):\(user.home):\(user.shell)"
            lines.append(line.bytes)
        }
        return Array(lines.joined(separator: [0x0A])) + [0x0A]
    }

    /// Returns the image's lines and one `name:x:gid:user` for each group of the caller that has a name.
    static func group(image: [UInt8], user: String, groups: [GroupRecord]) -> [UInt8] {
        var text = image
        if let last = text.last, last != 0x0A { text.append(0x0A) }
        var added: Set<String> = []
        for group in groups {
            let line = "\(group.name):x:\(group.gid):\(user)\n"
            if added.insert(line).inserted { text.append(contentsOf: line.utf8) }
        }
        return text
    }
}
