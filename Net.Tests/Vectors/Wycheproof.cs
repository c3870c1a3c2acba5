using System.Text.Json;

namespace Net.Tests.Vectors;

/// <summary>Reads the attack vectors of C2SP/wycheproof from the directory that lies beside the repository.</summary>
internal static class Wycheproof
{
    /// <summary>Every test of a file with the group it stands in. Without the files: inconclusive, or failed where CI=true.</summary>
    public static IEnumerable<(JsonElement Group, JsonElement Test)> Read(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Find(file)));
        List<(JsonElement, JsonElement)> all = [];
        foreach (JsonElement group in document.RootElement.GetProperty("testGroups").EnumerateArray())
        {
            foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
            {
                all.Add((group.Clone(), test.Clone()));
            }
        }

        Assert.IsNotEmpty(all);
        return all;
    }

    public static byte[] Bytes(JsonElement test, string name) => Convert.FromHexString(test.GetProperty(name).GetString()!);

    public static string Text(JsonElement test, string name) => test.GetProperty(name).GetString()!;

    public static string Name(JsonElement test) => $"tcId {test.GetProperty("tcId").GetInt32()} {Text(test, "comment")}";

    private static string Find(string file)
    {
        string? shared = Environment.GetEnvironmentVariable("CONTINUUM_SHARED");
        List<string> candidates = shared is null ? [] : [shared];
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            candidates.Add(Path.Combine(at.FullName, "shared"));
        }

        foreach (string candidate in candidates)
        {
            string path = Path.Combine(candidate, "vectors", "wycheproof", file);
            if (File.Exists(path))
            {
                return path;
            }
        }

        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"shared/vectors/wycheproof/{file} is missing");
        }

        Assert.Inconclusive($"shared/vectors/wycheproof/{file} is not on this machine; CONTINUUM_SHARED names its directory");
        return "";
    }
}
