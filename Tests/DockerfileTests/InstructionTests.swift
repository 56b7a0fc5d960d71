import Testing

@testable import Dockerfile

@Suite struct InstructionTests {
    private func kind(_ line: String) throws -> Instruction.Kind {
        try #require(try parse("FROM a\n" + line).stages.first?.instructions.first).kind
    }

    private func pairs(_ list: KeyValuePairs<String, String>) -> [Instruction.Pair] {
        list.map { .init(key: $0.key, value: $0.value) }
    }

    @Test func readsCommands() throws {
        #expect(try kind("cmd  echo \"a b\"  ") == .cmd(.shell("echo \"a b\"")))
        #expect(try kind("CMD [\"a\", \"b c\"]") == .cmd(.exec(["a", "b c"])))
        #expect(try kind("CMD [a]") == .cmd(.shell("[a]")))
        #expect(try kind("ENTRYPOINT []") == .entrypoint(.exec([])))
        #expect(try kind("EntryPoint a \\\n  -b") == .entrypoint(.shell("a   -b")))
        #expect(try kind("SHELL [\"/bin/bash\", \"-c\"]") == .shell(["/bin/bash", "-c"]))
        #expect(try kind("RUN a && b") == .run(RunCommand(command: .shell("a && b"))))
        #expect(try kind("RUN -- --x") == .run(RunCommand(command: .shell("--x"))))
        #expect(try kind("RUN\ta") == .run(RunCommand(command: .shell("a"))))
    }

    @Test func readsNamesAndValues() throws {
        #expect(try kind("ENV a=b") == .env(pairs(["a": "b"])))
        #expect(
            try kind("ENV a=b c=\"d e\" f='g' h=i\\ j k=")
                == .env(pairs(["a": "b", "c": "\"d e\"", "f": "'g'", "h": "i\\ j", "k": ""])))
        #expect(try kind("ENV a b=c  d ") == .env(pairs(["a": "b=c  d"])))
        #expect(try kind("ENV a=b=c") == .env(pairs(["a": "b=c"])))
        #expect(try kind("LABEL \"x.y\"=\"1 2\" z=3") == .label(pairs(["\"x.y\"": "\"1 2\"", "z": "3"])))
        #expect(try kind("LABEL a b") == .label(pairs(["a": "b"])))
        #expect(try kind("ARG a") == .arg([.init(name: "a", value: nil)]))
        #expect(
            try kind("ARG a= b=\"c d\"") == .arg([.init(name: "a", value: ""), .init(name: "b", value: "\"c d\"")]))
    }

    @Test func readsWhatIsKept() throws {
        #expect(try kind("EXPOSE 80 $p/udp") == .expose(["80", "$p/udp"]))
        #expect(try kind("VOLUME /a /b") == .volume(["/a", "/b"]))
        #expect(try kind("VOLUME [\"/a b\"]") == .volume(["/a b"]))
        #expect(try kind("MAINTAINER A <a@b>") == .maintainer("A <a@b>"))
        #expect(try kind("STOPSIGNAL SIGINT") == .stopsignal("SIGINT"))
        #expect(try kind("USER a:b") == .user("a:b"))
        #expect(try kind("WORKDIR /a b") == .workdir("/a b"))
        #expect(try kind("ONBUILD RUN a") == .onbuild("RUN a"))
        #expect(try kind("ONBUILD COPY <<a /b\nc\na") == .onbuild("COPY <<a /b\nc\na"))
        #expect(try kind("HEALTHCHECK NONE") == .healthcheck(Healthcheck(test: ["NONE"])))
        #expect(
            try kind("HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD a b")
                == .healthcheck(
                    Healthcheck(
                        test: ["CMD-SHELL", "a b"], interval: 90_000_000_000, timeout: 500_000_000, retries: 3)))
        #expect(
            try kind("HEALTHCHECK --start-period=1.5h --start-interval=1s CMD [\"a\"]")
                == .healthcheck(
                    Healthcheck(
                        test: ["CMD", "a"], startPeriod: 5_400_000_000_000, startInterval: 1_000_000_000)))
    }

    @Test func readsCopies() throws {
        #expect(try kind("COPY a b c/") == .copy(CopyFiles(sources: ["a", "b"], destination: "c/")))
        #expect(try kind("COPY [\"a b\", \"c\"]") == .copy(CopyFiles(sources: ["a b"], destination: "c")))
        #expect(
            try kind("COPY --from=x --chown=1:2 --chmod=755 --link --exclude=*.o --exclude=b a c")
                == .copy(
                    CopyFiles(
                        sources: ["a"], destination: "c", from: "x", owner: "1:2", mode: "755", excluded: ["*.o", "b"]))
        )
        #expect(
            try kind("ADD --link=false --unpack=false a /")
                == .add(CopyFiles(sources: ["a"], destination: "/", unpacks: false)))
        guard case .copy(let files) = try kind("COPY a <<b /c/\nx\nb") else {
            Issue.record("no COPY")
            return
        }
        #expect(files.sources == ["a"] && files.heredocs.map(\.name) == ["b"] && files.destination == "/c/")
    }

    @Test func readsMounts() throws {
        guard
            case .run(let run) = try kind(
                "RUN --mount=type=cache,target=/c,id=x,sharing=locked,mode=0700,uid=1,gid=2 "
                    + "--mount=from=b,src=/s,dst=/d,rw --mount=type=tmpfs,target=/t,size=64m "
                    + "--mount='type=bind,\"source=a,b\",target=/q,ro=false' --network=none a")
        else {
            Issue.record("no RUN")
            return
        }
        #expect(run.command == .shell("a") && run.network == "none")
        #expect(
            run.mounts == [
                RunMount(
                    kind: .cache, target: "/c", identifier: "x", isExclusive: true, mode: "0700", owner: "1", group: "2"
                ),
                RunMount(target: "/d", source: "/s", from: "b", isWritable: true),
                RunMount(kind: .tmpfs, target: "/t", size: "64m"),
                RunMount(target: "/q", source: "a,b", isWritable: true),
            ])
    }

    @Test func readsStages() throws {
        let parsed = try parse(
            "ARG v=1\nFROM --platform=linux/amd64 a:$v AS Base\nRUN x\nFROM base\n\nFROM scratch as last.2\n")
        #expect(parsed.globals.count == 1)
        #expect(parsed.stages.map(\.base) == ["a:$v", "base", "scratch"])
        #expect(parsed.stages.map(\.name) == ["base", nil, "last.2"])
        #expect(parsed.stages.map(\.platform) == ["linux/amd64", nil, nil])
        #expect(parsed.stages.map(\.place.line) == [2, 4, 6])
        #expect(parsed.stages.map(\.instructions.count) == [1, 0, 0])
    }

    @Test(arguments: [
        ("1h", 3_600_000_000_000), ("1h1m1s1ms", 3_661_001_000_000), (".5s", 500_000_000), ("0", 0), ("1", nil),
        ("", nil), ("1d", nil), ("s", nil), ("1.2.3s", nil), ("-1s", nil), ("99999999999h", nil), ("5us", 5000),
    ])
    func readsDurations(text: String, expected: Int64?) { #expect(InstructionParser.nanoseconds(text) == expected) }
}
