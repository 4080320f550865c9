%% The kernel bench's rows on the BEAM, one scheduler, plain processes: the same work as parley.ts. Prints one figure.
-module(beam).
-export([main/1]).

main([Row, Count]) ->
    Figure = row(list_to_atom(Row), list_to_integer(Count)),
    io:format("~w~n", [Figure]),
    halt(0).

row(memory, N) ->
    ets:new(names, [named_table, public]),
    Before = erlang:memory(total),
    fill(N),
    (erlang:memory(total) - Before) / N;
row(spawn, N) ->
    ets:new(names, [named_table, public]),
    per_second(N, fun() -> fill(N) end);
row(pingpong, N) ->
    Self = self(),
    per_second(N, fun() ->
        B = spawn(fun() -> pong() end),
        spawn(fun() -> B ! {self(), ping}, ping(B, N div 2, Self) end),
        receive done -> ok end
    end);
row(ring, N) ->
    Self = self(),
    First = spawn(fun() -> receive {next, Next} -> hop(Next) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> hop(Next) end) end, First, lists:seq(2, 10000)),
    First ! {next, Last},
    per_second(N, fun() ->
        [Last ! {token, N div 100, Self} || _ <- lists:seq(1, 100)],
        [receive done -> ok end || _ <- lists:seq(1, 100)]
    end);
row(fanout, N) ->
    Leaves = [spawn(fun() -> pong() end) || _ <- lists:seq(1, 1000)],
    per_second(N, fun() -> rounds(Leaves, N div 2000) end);
row(timer, N) ->
    Cells = [spawn(fun() -> count(0) end) || _ <- lists:seq(1, N)],
    [Cell ! mail || Cell <- Cells],
    timer:sleep(500),
    [Cell ! mail || Cell <- Cells],
    Start = erlang:monotonic_time(microsecond),
    [erlang:send_after(Ms * 5, self(), {due, Start + Ms * 5000}) || Ms <- lists:seq(1, 10)],
    lists:max([receive {due, At} -> (erlang:monotonic_time(microsecond) - At) / 1000 end || _ <- lists:seq(1, 10)]).

fill(N) ->
    Self = self(),
    [ets:insert(names, {I, spawn(fun() -> Self ! up, count(0) end)}) || I <- lists:seq(1, N)],
    [receive up -> ok end || _ <- lists:seq(1, N)].

count(N) -> receive _ -> count(N + 1) end.

pong() -> receive {From, ping} -> From ! {self(), ping}, pong() end.

ping(_, 0, Main) -> Main ! done;
ping(B, N, Main) -> receive {_, ping} -> B ! {self(), ping}, ping(B, N - 1, Main) end.

hop(Next) ->
    receive
        {token, 0, Main} -> Main ! done;
        {token, N, Main} -> Next ! {token, N - 1, Main}
    end,
    hop(Next).

rounds(_, 0) -> ok;
rounds(Leaves, N) ->
    [Leaf ! {self(), ping} || Leaf <- Leaves],
    [receive {_, ping} -> ok end || _ <- Leaves],
    rounds(Leaves, N - 1).

per_second(N, Run) ->
    Start = erlang:monotonic_time(microsecond),
    Run(),
    N * 1000000 / (erlang:monotonic_time(microsecond) - Start).
