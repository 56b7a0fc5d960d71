import Base
import Linux

/// What `instance list` prints; scripts read it (Docs/spec/cli.md §3.1).
package struct InstanceListing {
    private let instances: [Instance]
    private let directory: InstanceDirectory

    package init(_ instances: [Instance], in directory: InstanceDirectory) {
        (self.instances, self.directory) = (instances, directory)
    }

    /// Names, numbers and images.
    package var text: String {
        Self.table(
            [["INSTANCE NAME", "PID", "IP", "IMAGE"]]
                + instances.map { [$0.name, String($0.first.pid), $0.address, $0.image.printableField] })
    }

    /// Names, numbers and logs.
    package var logText: String {
        Self.table(
            [["INSTANCE NAME", "PID", "LOGS"]]
                + instances.flatMap { instance in
                    [
                        [instance.name, String(instance.first.pid), directory.errorLog(instance.name).printableField],
                        ["", "", directory.outputLog(instance.name).printableField],
                    ]
                })
    }

    package var json: String {
        let values = instances.map { instance in
            JSONText.members([
                "instance": .string(instance.name), "pid": .integer(Int64(instance.first.pid)),
                "img": .string(instance.image), "ip": .string(instance.address),
                "logErrPath": .string(directory.errorLog(instance.name)),
                "logOutPath": .string(directory.outputLog(instance.name)),
            ])
        }
        return JSONText.members(["instances": .array(values)]).text(indent: "\t") + "\n"
    }

    /// Columns as wide as their widest cell and four spaces; the last one is as it is.
    package static func table(_ rows: [[String]]) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { column < $0.count ? $0[column].unicodeScalars.count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let isLast = column == row.count - 1
                return isLast
                    ? cell : cell + String(repeating: " ", count: widths[column] + 4 - cell.unicodeScalars.count)
            }.joined() + "\n"
        }.joined()
    }
}

extension Instance {
    /// The one that lists show; empty without a network.
    fileprivate var address: String { (addresses.first ?? "").printableField }
}
