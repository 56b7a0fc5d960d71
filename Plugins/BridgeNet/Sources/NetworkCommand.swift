import Glibc
import PluginAPI
import PluginKit

/// `skiff network list`, and `skiff network release`, by which a command takes back what a killed one has left.
struct NetworkCommand {
    private let session: Session

    init(_ session: Session) { self.session = session }

    func run(_ words: [String]) throws(PluginError) {
        switch (words.first, words.count) {
        case ("list", 1): try list()
        case ("release", 2): try release(words[1])
        default: throw PluginError("cannot run network: unknown words\nWrite skiff network list")
        }
    }

    private func list() throws(PluginError) {
        let directory = try BridgeNet.configurations(session)
        let state = geteuid() == 0 ? try BridgeNet.state() : try UserNetwork.directory(session)
        let leases = state.leases()
        var rows = [["NETWORK", "TYPES", "ADDRESSES IN USE", "FILE"]]
        for list in NetworkList.all(in: directory) {
            let used = leases.filter { $0.network == list.name && $0.owner.isAlive }.map(\.address)
            rows.append(
                [list.name, list.types.joined(separator: ","), used.sorted().joined(separator: ","), list.file])
        }
        let widths = (0..<4).map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                column == 3
                    ? cell : cell + String(repeating: " ", count: widths[column] + 4 - cell.unicodeScalars.count)
            }
            print(cells.joined())
        }
        fflush(nil)
    }

    /// A name has no slash: it is a file of ours.
    private func release(_ name: String) throws(PluginError) {
        guard geteuid() == 0 else {
            throw PluginError("cannot release a network: that needs root", status: SKIFF_E_DENIED)
        }
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else {
            throw PluginError("cannot release \(name): it is no name of a container")
        }
        try BridgeNet.release(name)
    }
}
