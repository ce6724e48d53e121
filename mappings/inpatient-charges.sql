-- 住院费用，连同结算后移到年表的行（JLXH 不变，所以不会重传）；作废的行不取。
-- 药品的通用名、剂型、产地来自药品字典；没有通用名的用本院名称。
-- TFXH 为 0 与为空一样，都不是退费。
-- 追溯码（akc999）在 YF_ZSMX，一行费用可有几个码，要合成一列：MySQL、MariaDB、SQLite 用 GROUP_CONCAT，PostgreSQL 用 STRING_AGG。
SELECT f.JLXH, f.ZYH, f.FYRQ, f.XMLX, f.FYXH, f.YPCD, f.FYMC, f.GG, f.FYSL, f.FYDJ, f.ZJJE, f.FYXM,
       f.YZXH, f.CFH, NULLIF(f.TFXH, 0) AS TFXH, COALESCE(y.TYMC, f.FYMC) AS TYMC, y.JXMC, y.CDMC
FROM ZY_FYMX f
LEFT JOIN YK_YPZD y ON f.XMLX <= 3 AND y.YPXH = f.FYXH AND y.YPCD = f.YPCD
WHERE COALESCE(f.ZFPB, 0) = 0
UNION ALL
SELECT f.JLXH, f.ZYH, f.FYRQ, f.XMLX, f.FYXH, f.YPCD, f.FYMC, f.GG, f.FYSL, f.FYDJ, f.ZJJE, f.FYXM,
       f.YZXH, f.CFH, NULLIF(f.TFXH, 0) AS TFXH, COALESCE(y.TYMC, f.FYMC) AS TYMC, y.JXMC, y.CDMC
FROM ZY_FYMX_N f
LEFT JOIN YK_YPZD y ON f.XMLX <= 3 AND y.YPXH = f.FYXH AND y.YPCD = f.YPCD
WHERE COALESCE(f.ZFPB, 0) = 0
