using System.Globalization;
using Bench;
using Interop.Peers;
using Interop.Processes;

if (args is ["migration", .. string[] rest])
{
    return await Bench.Migration.MigrationBench.RunAsync(rest);
}

string question = args.Length > 0 ? args[0] : "download";
int rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
if (question is not ("download" or "ingress" or "aot") || rounds < 1)
{
    Console.Error.WriteLine("bench: what to measure is `download`, `ingress`, `aot` (rounds are at least 1) or `migration`");
    return 2;
}

try
{
    if (question == "aot")
    {
        return await AheadOfTime.RunAsync(rounds);
    }

    PeerSet peers = await PeerSet.FetchAsync();
    using Servers servers = await Servers.StartAsync(peers);
    (Server ours, Server peer) = question == "download" ? (servers.Node, servers.Peer) : (servers.Ingress, servers.Direct);
    return await Duel.RunAsync(question, ours, peer, peers.CurlNgtcp2, rounds);
}
catch (PeersUnavailableException e)
{
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
finally
{
    Child.KillAll();
}
