import Foundation
import Testing

/// What umoci makes of the same images.
@Suite struct CompareTests {
    @Test func treesAreThoseOfUmoci() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Scripts/compare-layers").standardizedFileURL.path
        let probe = Bundle.main.bundleURL.appendingPathComponent("layer-probe").path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["-k", "1", "300", script, "--quick"]
        process.environment = ProcessInfo.processInfo.environment.merging(["PROBE": probe]) { $1 }
        let output = Pipe()
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        #expect(text.contains(" images, 0 differ"))
    }
}
