import Base
import CLinux
import Linux
import SquashfsWriter

// squash-probe TREE IMAGE [NAME VALUE]...: writes an image, and prints its length in bytes, the seconds it took and the
// most memory that was used, in KiB. Measurements and the tests of the bound on memory run it as a process of its own.
func write(_ words: [String]) throws(SkiffError) -> Int64 {
    var options = SquashfsOptions()
    var offset: Int64 = 0
    var rest = words.dropFirst(2)
    while let name = rest.popFirst(), let value = rest.popFirst() {
        switch name {
        case "offset": offset = Int64(value) ?? 0
        case "workers": options.workers = Int(value) ?? 1
        case "compression": options.compression = try ImageCompression(value)
        case "arguments": try options.apply(toolArguments: value)
        default: throw SkiffError("squash-probe: unknown option \(name)")
        }
    }
    options.latestTime = try SquashfsOptions.sourceDateEpoch()
    let tree = try during("cannot open \(words[0])") { () throws(Errno) in try open(words[0], O_RDONLY | O_DIRECTORY) }
    let image = try during("cannot open \(words[1])") { () throws(Errno) in
        try open(words[1], O_RDWR | O_CREAT, mode: 0o644)
    }
    return try SquashfsWriter(output: image.raw, offset: offset, options: options).write(tree: tree.raw)
}

func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

do throws(SkiffError) {
    let start = seconds()
    let bytes = try write(Array(CommandLine.arguments.dropFirst()))
    let took = seconds() - start
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    try? writeFully(1, "\(bytes) \(took) \(usage.ru_maxrss)\n")
} catch {
    try? writeFully(2, "\(error)\n")
    exit(1)
}
