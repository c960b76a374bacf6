<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>HumanText</name>
    <message numerus="yes">
        <source>%n millisecond(s)</source>
        <extracomment>Read aloud</extracomment>
        <translation>
            <numerusform>%n millisecond</numerusform>
            <numerusform>%n milliseconds</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>%n minute ago</numerusform>
            <numerusform>%n minutes ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>%n hour ago</numerusform>
            <numerusform>%n hours ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>%n day ago</numerusform>
            <numerusform>%n days ago</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>LiveToolbar</name>
    <message numerus="yes">
        <source>Resume · +%n new</source>
        <extracomment>Button while the view is paused: %n requests arrived since</extracomment>
        <translation>
            <numerusform>Resume · +%n new</numerusform>
            <numerusform>Resume · +%n new</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n request(s) served but not listed</source>
        <translation>
            <numerusform>%n request served but not listed</numerusform>
            <numerusform>%n requests served but not listed</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>QuitDialog</name>
    <message numerus="yes">
        <source>%n request(s) are still running.</source>
        <translation>
            <numerusform>%n request is still running.</numerusform>
            <numerusform>%n requests are still running.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>SetupGatewayPanel</name>
    <message numerus="yes">
        <source>You have %n client key(s) already. Make more under Keys.</source>
        <translation>
            <numerusform>You have %n client key already. Make more under Keys.</numerusform>
            <numerusform>You have %n client keys already. Make more under Keys.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::AppController</name>
    <message numerus="yes">
        <source>(and %n more)</source>
        <translation>
            <numerusform>(and %n more)</numerusform>
            <numerusform>(and %n more)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::DemoLink</name>
    <message numerus="yes">
        <source>It answers, with %n model(s).</source>
        <translation>
            <numerusform>It answers, with %n model.</numerusform>
            <numerusform>It answers, with %n models.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::GatewayStatus</name>
    <message numerus="yes">
        <source>%n active</source>
        <extracomment>Requests in flight now</extracomment>
        <translation>
            <numerusform>%n active</numerusform>
            <numerusform>%n active</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::KeysModel</name>
    <message numerus="yes">
        <source>The name is too long. Use at most %n character(s).</source>
        <translation>
            <numerusform>The name is too long. Use at most %n character.</numerusform>
            <numerusform>The name is too long. Use at most %n characters.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::LiveModel</name>
    <message numerus="yes">
        <source>%n token(s)</source>
        <extracomment>Read aloud; how long the answer is</extracomment>
        <translation>
            <numerusform>%n token</numerusform>
            <numerusform>%n tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::SetupAssistant</name>
    <message numerus="yes">
        <source>%n model(s)</source>
        <translation>
            <numerusform>%n model</numerusform>
            <numerusform>%n models</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>tidegate::TrayController</name>
    <message numerus="yes">
        <source>%n active</source>
        <extracomment>Requests in flight now</extracomment>
        <translation>
            <numerusform>%n active</numerusform>
            <numerusform>%n active</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Today: %n request(s)</source>
        <translation>
            <numerusform>Today: %n request</numerusform>
            <numerusform>Today: %n requests</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Finish %n request(s), then quit</source>
        <translation>
            <numerusform>Finish %n request, then quit</numerusform>
            <numerusform>Finish %n requests, then quit</numerusform>
        </translation>
    </message>
</context>
</TS>
