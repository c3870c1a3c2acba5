using Net.Core.Io;

namespace QuicEndpoint;

/// <summary>An endpoint for the quic-interop-runner: <c>server</c> or <c>client</c>, with all else in the environment.</summary>
internal static class Program
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    /// <summary>What the runner takes for "not supported here".</summary>
    private const int Unsupported = 127;

    /// <summary>What happens goes to standard error; standard output has the server's ready line alone.</summary>
    public static void Say(string text) => Console.Error.WriteLine($"endpoint: {text}");

    private static async Task<int> Main(string[] args)
    {
        string role = args is [string given] ? given : Environment.GetEnvironmentVariable("ROLE") ?? "";
        if (args.Length > 1 || role is not ("server" or "client"))
        {
            Say("usage: endpoint server|client, or set ROLE");
            return WrongUsage;
        }

        try
        {
            Contract contract = Contract.Read(role, Environment.GetEnvironmentVariable);
            if (TestCase.Find(contract.TestCase) is not TestCase testCase)
            {
                Say($"test case '{contract.TestCase}' is not supported");
                return Unsupported;
            }

            testCase = testCase with { Http3 = testCase.Http3 || contract.Parameters.Http3 };
            await (role == "server" ? Server.RunAsync(contract, testCase) : Client.RunAsync(contract, testCase));
            return 0;
        }
        catch (Exception e) when (e is ContractException or QuicException or IOException or AddressInUseException or UnauthorizedAccessException or System.Net.Sockets.SocketException)
        {
            Say($"{role}: {e.Message}");
            return Failed;
        }
    }
}
